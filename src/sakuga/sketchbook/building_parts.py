"""Building parts that several subjects share.

Local units: foot at (0, 0), y up negative.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from sakuga.sketchbook.display_list import Color, Material, Points, Shape
from sakuga.sketchbook.outlines import box, doorway, ellipse, mix_colors, parse_color, polygon, rotation_matrix, toned, transformed

Choice = TypeVar("Choice")

PANE_BY_DAY = parse_color("4d6079")
PANE_BY_NIGHT = parse_color("ffd063")
TIMBER = parse_color("7d5438")
DOORS = (parse_color("8c5a36"), parse_color("3f6f7d"), parse_color("a8483a"), parse_color("5b7544"))


def pick(rng: np.random.Generator, choices: Sequence[Choice]) -> Choice:
    """Choose one of several at random."""
    return choices[int(rng.integers(len(choices)))]


def part(points: Points, color: Color, material: Material = "building") -> Shape:
    """Return a filled outline that may be inked."""
    return Shape(points=points, color=color, material=material)


def inlay(points: Points, color: Color, material: Material = "building", alpha: float = 1.0) -> Shape:
    """Return a detail inside a part, never inked."""
    return Shape(points=points, color=color, material=material, alpha=alpha, ink=False)


def glowing(points: Points, color: Color, alpha: float = 1.0, soft: float = 0.0) -> Shape:
    """Return a shape that emits light."""
    return Shape(points=points, color=color, material="light", alpha=alpha, glow=1.0, soft=soft, ink=False)


def line(points: Points, color: Color, width: float, material: Material = "building") -> Shape:
    """Return an open line of a width."""
    return Shape(points=points, color=color, material=material, stroke=width, ink=False)


def pane(points: Points, night: bool) -> Shape:
    """Draw a window: bluish by day, warm at night."""
    if night:
        return glowing(points, PANE_BY_NIGHT)
    return Shape(points=points, color=PANE_BY_DAY, material="light", ink=False)


def moved(shapes: Sequence[Shape], dx: float, dy: float, degrees: float = 0.0, centre: tuple[float, float] = (0.0, 0.0)) -> list[Shape]:
    """Rotate shapes clockwise about a center, then shift them."""
    matrix = rotation_matrix(degrees)
    shift = np.array((centre[0] + dx, centre[1] + dy)) - np.array(centre) @ matrix
    outlines = transformed([shape.points for shape in shapes], matrix, shift)
    return [replace(shape, points=points) for shape, points in zip(shapes, outlines, strict=True)]


def smoke(x: float, y: float, t: float, phase: float) -> list[Shape]:
    """Draw four puffs rising from a chimney."""
    puffs = []
    for k in range(4):
        age = (t * 0.3 + phase + k / 4) % 1.0
        radius = 0.045 + 0.085 * age
        drift = 0.24 * age + 0.03 * np.sin(6.0 * age + 6.283 * phase)
        color = parse_color("f4f0ec")
        outline = ellipse(x + drift, y - 0.04 - 0.36 * age, radius, radius * 0.9, 12)
        puffs.append(inlay(outline, color, "cloud", 0.8 * min(1.0, 8.0 * age) * (1 - age) ** 0.7))
    return puffs


def flag(x: float, y: float, length: float, t: float, phase: float, color: Color) -> list[Shape]:
    """Draw a waving pennant on a pole.

    (x, y) is the top of the pole.
    """
    along = np.linspace(0.0, 1.0, 6)
    wave = 0.22 * length * along * np.sin(5.0 * t + 6.283 * phase - 5.0 * along)
    half = 0.27 * length * (1 - 0.75 * along)
    middle = y + half[0] + wave
    xs = x + length * along
    cloth = np.concatenate([np.stack([xs, middle - half], axis=1), np.stack([xs, middle + half], axis=1)[::-1]])
    return [line(polygon((x, y), (x, y + length)), toned(TIMBER, "deep"), 0.022), part(cloth, color, "cloth")]


def battlements(x0: float, x1: float, top: float, merlon: float, teeth: int, stone: Color) -> Shape:
    """Draw a parapet with merlons between x0 and x1."""
    edges = np.linspace(x0, x1, 2 * teeth)
    steps = np.where(np.arange(2 * teeth - 1) % 2 == 0, top, top + merlon)
    crest = np.stack([np.repeat(edges, 2)[1:-1], np.repeat(steps, 2)], axis=1)
    return part(np.concatenate([crest, ((x1, top + 2.3 * merlon), (x0, top + 2.3 * merlon))]), stone)


def crown(x: float, half: float, top: float, merlon: float, teeth: int, stone: Color) -> list[Shape]:
    """Draw the battlements of a round tower."""
    shade = box(x + 0.2 * half, top + merlon, x + half, top + 2.3 * merlon)
    return [battlements(x - half, x + half, top, merlon, teeth, stone), inlay(shade, toned(stone, "shade"))]


def turret(x: float, half: float, foot: float, top: float, stone: Color) -> list[Shape]:
    """Draw a round tower about x."""
    return [
        part(box(x - half, top, x + half, foot), stone),
        inlay(box(x + 0.2 * half, top, x + half, foot), toned(stone, "shade")),
    ]


def cone(x: float, half: float, foot: float, tip: float, roof: Color) -> list[Shape]:
    """Draw a pointed roof about x."""
    waist = foot + 0.45 * (tip - foot)
    sag = foot + 0.05 * half
    left = ((x - half, foot), (x - 0.46 * half, waist), (x, tip))
    right = ((x + 0.46 * half, waist), (x + half, foot))
    return [
        part(polygon(*left, *right, (x, sag + 0.16 * half)), roof),
        inlay(polygon((x, tip), *right, (x + 0.1 * half, sag + 0.16 * half)), toned(roof, "shade")),
    ]


def door(x: float, half: float, height: float, foot: float, color: Color) -> list[Shape]:
    """Draw an arched door about x."""
    return [part(doorway(x - half, foot - height, x + half, foot), color)]


def gabled(left: float, front: float, depth: float, foot: float, eave: float, ridge: float, wall: Color, roof: Color) -> list[Shape]:
    """Draw a house seen from a corner.

    A lit gable wall, `front` wide from `left`, then a shaded side, `depth` wide, under a tiled slope.
    """
    right = left + front
    peak = left + front / 2
    over = 0.07 * front
    drop = over * (eave - ridge) / (front / 2)
    end = right + depth
    slope = polygon((peak, ridge), (peak + depth, ridge), (end + 1.3 * over, eave + drop), (right + over, eave + drop))
    thick = 0.13 * (foot - ridge)
    barge = polygon(
        (peak, ridge - 0.02),
        (right + over, eave + drop),
        (right + over - 0.3 * thick, eave + drop + 0.4 * thick),
        (peak, ridge + 0.8 * thick),
        (left - over + 0.3 * thick, eave + drop + 0.4 * thick),
        (left - over, eave + drop),
    )
    return [
        part(box(right - 0.01, eave, end, foot), toned(wall, "shade")),
        part(polygon((left, foot), (left, eave), (peak, ridge), (right, eave), (right, foot)), wall),
        part(slope, roof),
        inlay(polygon(slope[2] * (1, 1), slope[3], slope[3] - (0.03, 0.07), slope[2] - (0.03, 0.07)), toned(roof, "shade")),
        part(barge, mix_colors(toned(roof, "lit"), roof, 0.3)),
    ]
