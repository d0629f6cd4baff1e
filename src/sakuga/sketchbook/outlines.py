"""Outlines as (n, 2) arrays of points, and colors that suit a picture book.

x runs right, y runs down, angles turn clockwise in degrees.
"""

import math
from collections.abc import Sequence
from functools import cache
from itertools import accumulate, pairwise
from typing import Literal

import numpy as np

from sakuga.sketchbook.display_list import Color, Points


@cache
def _unit_arc(start: float, stop: float, n: int) -> Points:
    angles = np.radians(np.linspace(start, stop, n))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@cache
def _smoothing(n: int, each: int, closed: bool) -> Points:
    """Return the weights of a uniform Catmull-Rom spline.

    Through n points: (n * each or (n - 1) * each + 1, n) (Catmull and Rom 1974).
    """
    steps = np.arange(each)[:, None] / each
    basis = np.concatenate(
        [
            -0.5 * steps + steps**2 - 0.5 * steps**3,
            1 - 2.5 * steps**2 + 1.5 * steps**3,
            0.5 * steps + 2 * steps**2 - 1.5 * steps**3,
            -0.5 * steps**2 + 0.5 * steps**3,
        ],
        axis=1,
    )
    spans = n if closed else n - 1
    weights = np.zeros((spans * each + (0 if closed else 1), n))
    for span in range(spans):
        for neighbour in range(4):
            index = span + neighbour - 1
            index = index % n if closed else min(max(index, 0), n - 1)
            weights[span * each : (span + 1) * each, index] += basis[:, neighbour]
    if not closed:
        weights[-1, -1] = 1.0
    return weights


def polygon(*corners: tuple[float, float]) -> Points:
    """Return straight lines between corners."""
    return np.array(corners)


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    """Return the rectangle between two corners."""
    return np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)))


def ellipse(cx: float, cy: float, rx: float, ry: float, n: int = 20) -> Points:
    """Return an ellipse with n points."""
    return _unit_arc(0.0, 360.0 - 360.0 / n, n) * (rx, ry) + (cx, cy)


def arc(cx: float, cy: float, rx: float, ry: float, start: float, stop: float, n: int = 12) -> Points:
    """Return an elliptical arc between two angles.

    Degrees: 0 is right, 90 down, 180 left, 270 up.
    """
    return _unit_arc(start, stop, n) * (rx, ry) + (cx, cy)


def doorway(x0: float, y0: float, x1: float, y1: float) -> Points:
    """Return an upright rectangle with an arched top.

    The top, at y0, is a half-circle or flatter.
    """
    half = (x1 - x0) / 2
    rise = min(half, y1 - y0)
    return np.concatenate([((x1, y1), (x0, y1)), arc(x0 + half, y0 + rise, half, rise, 180.0, 360.0, 9)])


def smooth(*corners: tuple[float, float], each: int = 4, closed: bool = True) -> Points:
    """Return a smooth curve through corners.

    `each` is the number of points from one corner to the next.
    """
    curve: Points = _smoothing(len(corners), each, closed) @ np.array(corners)
    return curve


@cache
def _half_widths(widths: tuple[float, ...], n: int) -> Points:
    places = np.linspace(0.0, 1.0, len(widths))
    return np.interp(np.linspace(0.0, 1.0, n), places, widths)[:, None] / 2


def ribbon(spine: Points, widths: tuple[float, ...]) -> Points:
    """Return a band along an open spine (n, 2).

    It has the given widths at evenly spaced places.
    """
    along = np.empty_like(spine)
    along[1:-1] = spine[2:] - spine[:-2]
    along[0], along[-1] = spine[1] - spine[0], spine[-1] - spine[-2]
    length = np.sqrt(np.einsum("ij,ij->i", along, along))[:, None] + 1e-9
    aside = along[:, ::-1] * (-1.0, 1.0) / length * _half_widths(widths, len(spine))
    return np.concatenate([spine + aside, (spine - aside)[::-1]])


def puffs(cx: float, cy: float, rx: float, ry: float, bumps: int, depth: float = 0.12, turn: float = 0.0) -> Points:
    """Return an ellipse with bumps, as of a cloud.

    Rotated by `turn` degrees.
    """
    angles = np.linspace(0.0, 2 * np.pi, bumps * 6, endpoint=False)
    radius = 1 - depth + depth * np.abs(np.cos(angles * bumps / 2))
    angles = angles + np.radians(turn)
    return np.stack([cx + rx * radius * np.cos(angles), cy + ry * radius * np.sin(angles)], axis=1)


def rotation_matrix(degrees: float) -> Points:
    """Return the (2, 2) matrix of a clockwise rotation.

    Rows of points are rotated by `points @ rotation_matrix(90.0)`.
    """
    angle = math.radians(degrees)
    return np.array(((math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))))


def rotated(points: Points, degrees: float, centre: tuple[float, float] = (0.0, 0.0)) -> Points:
    """Rotate points clockwise around a center."""
    outline: Points = (points - centre) @ rotation_matrix(degrees) + centre
    return outline


def transformed(outlines: Sequence[Points], matrix: Points, shift: Points) -> list[Points]:
    """Apply `points @ matrix + shift` to every outline.

    All at once, since numpy is slow on small arrays.
    """
    every = np.concatenate(outlines) @ matrix + shift
    ends = list(accumulate(map(len, outlines)))
    return [every[start:end] for start, end in pairwise([0, *ends])]


def symmetric(*right: tuple[float, float], each: int = 5) -> Points:
    """Return a smooth closed curve, mirrored about x = 0.

    Through the corners on the right, from top to bottom.
    """
    return smooth(*right, *((-x, y) for x, y in reversed(right)), each=each)


def star(cx: float, cy: float, radius: float, tips: int = 5) -> Points:
    """Return a star standing on two tips."""
    radii = np.where(np.arange(2 * tips) % 2 == 0, radius, radius * 0.45)[:, None]
    return _unit_arc(-90.0, 270.0 - 180.0 / tips, 2 * tips) * radii + (cx, cy)


def parse_color(code: str) -> Color:
    """Parse six hexadecimal digits as a color."""
    return int(code[0:2], 16) / 255, int(code[2:4], 16) / 255, int(code[4:6], 16) / 255


def mix_colors(first: Color, second: Color, share: float) -> Color:
    """Mix two colors; share 0 is the first."""
    keep = 1.0 - share
    return first[0] * keep + second[0] * share, first[1] * keep + second[1] * share, first[2] * keep + second[2] * share


def toned(color: Color, tone: Literal["shade", "deep", "lit"]) -> Color:
    """Return a color in shade, deep shade or full light.

    Shade is cooler and darker, light warmer and paler.
    """
    match tone:
        case "shade":
            return mix_colors((color[0] * 0.74, color[1] * 0.74, color[2] * 0.82), (0.30, 0.27, 0.48), 0.14)
        case "deep":
            return mix_colors((color[0] * 0.50, color[1] * 0.50, color[2] * 0.60), (0.20, 0.17, 0.36), 0.25)
        case "lit":
            return mix_colors(color, (1.0, 0.96, 0.84), 0.34)
