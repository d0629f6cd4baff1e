"""Small parts that many subjects share: walls, panes, smoke, flags, turrets. One object in local units, foot at (0, 0), y up negative."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from sakuga.sketchbook.forms import box, doorway, ellipse, mixed, polygon, rgb, toned, transformed, turning
from sakuga.sketchbook.shapes import Colour, Material, Points, Shape

Choice = TypeVar("Choice")

PANE_BY_DAY = rgb("4d6079")
PANE_BY_NIGHT = rgb("ffd063")
TIMBER = rgb("7d5438")
DOORS = (rgb("8c5a36"), rgb("3f6f7d"), rgb("a8483a"), rgb("5b7544"))


def pick(rng: np.random.Generator, choices: Sequence[Choice]) -> Choice:
    """Choose one of several with equal chance."""
    return choices[int(rng.integers(len(choices)))]


def part(points: Points, colour: Colour, material: Material = "building") -> Shape:
    """Paint an outline that may be inked."""
    return Shape(points=points, colour=colour, material=material)


def inlay(points: Points, colour: Colour, material: Material = "building", alpha: float = 1.0) -> Shape:
    """Paint a detail inside a part; it is never inked."""
    return Shape(points=points, colour=colour, material=material, alpha=alpha, ink=False)


def glowing(points: Points, colour: Colour, alpha: float = 1.0, soft: float = 0.0) -> Shape:
    """Paint something that shines by itself."""
    return Shape(points=points, colour=colour, material="light", alpha=alpha, glow=1.0, soft=soft, ink=False)


def line(points: Points, colour: Colour, width: float, material: Material = "building") -> Shape:
    """Draw an open line of a width."""
    return Shape(points=points, colour=colour, material=material, stroke=width, ink=False)


def pane(points: Points, night: bool) -> Shape:
    """Glaze a window: dark and bluish by day, warm and shining at night."""
    if night:
        return glowing(points, PANE_BY_NIGHT)
    return Shape(points=points, colour=PANE_BY_DAY, material="light", ink=False)


def moved(shapes: Sequence[Shape], dx: float, dy: float, degrees: float = 0.0, centre: tuple[float, float] = (0.0, 0.0)) -> list[Shape]:
    """Turn shapes clockwise about a centre, then shift them."""
    matrix = turning(degrees)
    shift = np.array((centre[0] + dx, centre[1] + dy)) - np.array(centre) @ matrix
    outlines = transformed([shape.points for shape in shapes], matrix, shift)
    return [replace(shape, points=points) for shape, points in zip(shapes, outlines, strict=True)]


def smoke(x: float, y: float, t: float, phase: float) -> list[Shape]:
    """Let four puffs rise from a chimney at (x, y), growing and fading."""
    puffs = []
    for k in range(4):
        age = (t * 0.22 + phase + k / 4) % 1.0
        radius = 0.045 + 0.085 * age
        drift = 0.24 * age + 0.03 * np.sin(6.0 * age + 6.283 * phase)
        colour = rgb("f4f0ec")
        outline = ellipse(x + drift, y - 0.04 - 0.36 * age, radius, radius * 0.9, 12)
        puffs.append(inlay(outline, colour, "cloud", 0.8 * min(1.0, 8.0 * age) * (1 - age) ** 0.7))
    return puffs


def flag(x: float, y: float, length: float, t: float, phase: float, colour: Colour) -> list[Shape]:
    """Fly a pennant that waves, from a pole whose top is (x, y)."""
    along = np.linspace(0.0, 1.0, 6)
    wave = 0.22 * length * along * np.sin(5.0 * t + 6.283 * phase - 5.0 * along)
    half = 0.27 * length * (1 - 0.75 * along)
    middle = y + half[0] + wave
    xs = x + length * along
    cloth = np.concatenate([np.stack([xs, middle - half], axis=1), np.stack([xs, middle + half], axis=1)[::-1]])
    return [line(polygon((x, y), (x, y + length)), toned(TIMBER, "deep"), 0.022), part(cloth, colour, "cloth")]


def battlements(x0: float, x1: float, top: float, merlon: float, teeth: int, stone: Colour) -> Shape:
    """Crown a wall between x0 and x1 with a parapet that has `teeth` merlons, each `merlon` high."""
    edges = np.linspace(x0, x1, 2 * teeth)
    steps = np.where(np.arange(2 * teeth - 1) % 2 == 0, top, top + merlon)
    crest = np.stack([np.repeat(edges, 2)[1:-1], np.repeat(steps, 2)], axis=1)
    return part(np.concatenate([crest, ((x1, top + 2.3 * merlon), (x0, top + 2.3 * merlon))]), stone)


def crown(x: float, half: float, top: float, merlon: float, teeth: int, stone: Colour) -> list[Shape]:
    """Crown a round tower about x with battlements, lit on its left."""
    shade = box(x + 0.2 * half, top + merlon, x + half, top + 2.3 * merlon)
    return [battlements(x - half, x + half, top, merlon, teeth, stone), inlay(shade, toned(stone, "shade"))]


def turret(x: float, half: float, foot: float, top: float, stone: Colour) -> list[Shape]:
    """Raise a round tower about x, lit on its left."""
    return [
        part(box(x - half, top, x + half, foot), stone),
        inlay(box(x + 0.2 * half, top, x + half, foot), toned(stone, "shade")),
    ]


def cone(x: float, half: float, foot: float, tip: float, roof: Colour) -> list[Shape]:
    """Put a pointed roof about x, lit on its left, with eaves that sweep out a little."""
    waist = foot + 0.45 * (tip - foot)
    sag = foot + 0.05 * half
    left = ((x - half, foot), (x - 0.46 * half, waist), (x, tip))
    right = ((x + 0.46 * half, waist), (x + half, foot))
    return [
        part(polygon(*left, *right, (x, sag + 0.16 * half)), roof),
        inlay(polygon((x, tip), *right, (x + 0.1 * half, sag + 0.16 * half)), toned(roof, "shade")),
    ]


def door(x: float, half: float, height: float, foot: float, colour: Colour) -> list[Shape]:
    """Hang an arched door about x."""
    return [part(doorway(x - half, foot - height, x + half, foot), colour)]


def gabled(left: float, front: float, depth: float, foot: float, eave: float, ridge: float, wall: Colour, roof: Colour) -> list[Shape]:
    """Build a house seen from a corner: a lit gable wall `front` wide from `left`, then a shaded side `depth` wide under a tiled slope."""
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
        part(barge, mixed(toned(roof, "lit"), roof, 0.3)),
    ]
