"""Distant village houses and a steeple."""

import numpy as np

from sakuga.sketchbook.display_list import Color, Points, Shape


def house(x: float, y: float, size: float, wall: Color, roof: Color, near: float, lit: bool) -> list[Shape]:
    """Draw one small house, `size` high."""
    half, eaves = 0.42 * size, y - 0.50 * size
    slopes = np.array([(x - 1.22 * half, eaves), (x - 0.30 * half, y - size), (x + 0.30 * half, y - size), (x + 1.22 * half, eaves)])
    pane, glow = ((1.0, 0.84, 0.40), 1.0) if lit else ((0.34, 0.42, 0.54), 0.0)
    return [
        _part(_box(x, eaves, half, y), wall, near),
        _part(slopes, roof, near),
        *(
            Shape(
                points=_box(x + offset * size, y - 0.345 * size, 0.095 * size, y - 0.155 * size),
                color=pane, material="detail", near=(near, near), glow=glow, ink=False,
            )
            for offset in (-0.20, 0.20)
        ),
    ]  # fmt: skip


def steeple(x: float, y: float, height: float, near: float) -> list[Shape]:
    """Draw a church tower, `height` high."""
    half, eaves = 0.13 * height, y - 0.66 * height
    spire = np.array([(x - 1.2 * half, eaves), (x, y - height), (x + 1.2 * half, eaves)])
    return [_part(_box(x, eaves, half, y), (0.95, 0.92, 0.86), near), _part(spire, (0.34, 0.42, 0.60), near)]


def _part(points: Points, color: Color, near: float) -> Shape:
    return Shape(points=points, color=color, material="building", near=(near, near))


def _box(x: float, top: float, half: float, bottom: float) -> Points:
    return np.array([(x - half, top), (x + half, top), (x + half, bottom), (x - half, bottom)])
