"""Plants: trees, rows of trees, grass, reeds, cacti."""

import numpy as np

from sakuga.sketchbook.display_list import Color, Points, Shape
from sakuga.sketchbook.place_layout import PlaceContext
from sakuga.sketchbook.scenery import MARGIN, below, even, height_at, mix, points_of

LEAF: Color = (0.38, 0.66, 0.32)
SNOW: Color = (0.96, 0.97, 1.0)
_PUFFS = np.linspace(0.0, 2.0 * np.pi, 36, endpoint=False)
_CROWN: Points = np.stack([np.cos(_PUFFS), np.sin(_PUFFS)], axis=1) * (0.92 + 0.16 * np.sqrt(np.abs(np.sin(3.0 * _PUFFS + 0.5))))[:, None]
_FIR: Points = np.array([
    (0, -1), (0.17, -0.66), (0.10, -0.66), (0.25, -0.38), (0.15, -0.38), (0.32, -0.08),
    (-0.32, -0.08), (-0.15, -0.38), (-0.25, -0.38), (-0.10, -0.66), (-0.17, -0.66),
])  # fmt: skip
_FIR_SHADE: Points = np.array([(0, -1), (0.17, -0.66), (0.10, -0.66), (0.25, -0.38), (0.15, -0.38), (0.32, -0.08), (0.04, -0.08)])
_TRUNK: Points = np.array([(-0.05, -0.3), (0.05, -0.3), (0.07, 0.0), (-0.07, 0.0)])


def fir(x: float, y: float, height: float, color: Color, near: float, sway: float) -> list[Shape]:
    """Draw one fir, shaded on one side.

    `sway` leans its top, in image units.
    """
    at = (near, near)
    lean = np.array(((1.0, 0.0), (-sway / height, 1.0)))
    return [
        Shape(points=_TRUNK * height * (0.9, 0.6) + (x, y), color=(0.36, 0.25, 0.18), material="building", near=at),
        Shape(points=(_FIR @ lean) * height + (x, y), color=color, material="foliage", near=at),
        Shape(
            points=(_FIR_SHADE @ lean) * height + (x, y),
            color=mix(color, (0.03, 0.14, 0.20), 0.34),
            material="foliage",
            near=at,
            ink=False,
        ),
    ]


def snowy_fir(x: float, y: float, height: float, near: float, sway: float) -> list[Shape]:
    shapes = fir(x, y, height, (0.24, 0.46, 0.46), near, sway)
    tip = np.array([(0.0, -1.02), (0.15, -0.68), (0.05, -0.74), (0.0, -0.64), (-0.07, -0.74), (-0.15, -0.68)])
    return [*shapes, Shape(points=tip * height + (x + sway, y), color=SNOW, material="foliage", near=(near, near), ink=False)]


def round_tree(x: float, y: float, height: float, color: Color, near: float, sway: float) -> list[Shape]:
    """Draw one leafy tree."""
    at, radius = (near, near), 0.36 * height
    centre = (x + sway, y - 0.64 * height)
    return [
        Shape(points=_TRUNK * height * (1.0, 1.5) + (x, y), color=(0.42, 0.29, 0.20), material="building", near=at),
        Shape(points=_CROWN * radius + centre, color=mix(color, (0.05, 0.22, 0.22), 0.30), material="foliage", near=at),
        Shape(
            points=_CROWN * (0.72 * radius) + (centre[0] - 0.18 * radius, centre[1] - 0.22 * radius),
            color=color,
            material="foliage",
            near=at,
            ink=False,
        ),
    ]


def wood(rng: np.random.Generator, setting: PlaceContext, meet: float) -> list[Shape]:
    """Draw a few round trees in a valley."""
    shapes: list[Shape] = []
    for offset in (-0.42, -0.28, 0.30, 0.44):
        x = meet + offset * setting.aspect + rng.uniform(-0.04, 0.04)
        shapes += round_tree(x, 0.665, rng.uniform(0.10, 0.14), LEAF, 0.42, setting.sway(x, 0.003))
    return shapes


def fir_row(rng: np.random.Generator, line: Points, height: float, width: float, color: Color, near: float) -> Shape:
    """Draw a row of firs as one silhouette."""
    xs = np.arange(line[0, 0], line[-1, 0], width / 2.0)
    ys = np.interp(xs, line[:, 0], line[:, 1])
    ys[1::2] -= height * rng.uniform(0.65, 1.0, len(ys[1::2]))
    ys[2::2] -= height * rng.uniform(0.15, 0.35, len(ys[2::2]))
    return Shape(points=below(points_of(xs, ys)), color=color, material="foliage", near=(near, near))


def round_row(rng: np.random.Generator, line: Points, height: float, width: float, color: Color, near: float) -> Shape:
    """Draw a row of leafy crowns as one silhouette."""
    centres = np.arange(line[0, 0], line[-1, 0], width)
    angles = even(np.pi, 0.0, 6)
    rise = height * (0.35 + 0.65 * np.sin(angles)) * rng.uniform(0.65, 1.0, len(centres))[:, None]
    xs = (centres[:, None] + 0.56 * width * np.cos(angles)).ravel()
    ys = np.interp(xs, line[:, 0], line[:, 1]) - rise.ravel()
    return Shape(points=below(points_of(xs, ys)), color=color, material="foliage", near=(near, near))


def fringe(rng: np.random.Generator, aspect: float, color: Color, t: float, height: float) -> Shape:
    """Draw waving grass along the bottom."""
    xs = np.arange(-MARGIN, aspect + MARGIN, 0.024)
    blades = np.zeros(len(xs))
    blades[1::2] = (0.25 + 0.75 * rng.random(len(xs[1::2])) ** 2) * height
    xs[1::2] += rng.uniform(-0.02, 0.02, len(xs[1::2]))
    lean = 0.6 * blades * np.sin(2.2 * t + 3.0 * xs)
    points = points_of(xs + lean, 0.985 - 0.25 * height - blades)
    return Shape(points=below(points), color=color, material="foliage", near=(0.9, 1.0))


def reeds(rng: np.random.Generator, setting: PlaceContext, bank: Points) -> list[Shape]:
    shapes: list[Shape] = []
    start = 0.03 if setting.focus > setting.aspect / 2 else setting.aspect - 0.17
    for x in (start + even(0.0, 0.14, 5) + rng.uniform(-0.01, 0.01, 5)).tolist():
        foot, height = height_at(bank, x) + 0.05, rng.uniform(0.14, 0.22)
        tip = x + setting.sway(x, 0.015) + 0.01
        shapes.append(_stem([(x, foot), (x, foot - 0.5 * height), (tip, foot - height)], (0.30, 0.52, 0.24), 0.010))
        shapes.append(_stem([(tip, foot - height), (tip, foot - height - 0.035)], (0.46, 0.28, 0.16), 0.018))
    return shapes


def _stem(points: list[tuple[float, float]], color: Color, width: float) -> Shape:
    return Shape(points=np.array(points), color=color, material="foliage", near=(0.85, 0.85), stroke=width, ink=False)


def cactus(x: float, y: float, height: float, near: float) -> list[Shape]:
    green = (0.28, 0.56, 0.34)
    lines = (((0.0, 0.0), (0.0, -1.0)), ((0.0, -0.40), (0.26, -0.44), (0.26, -0.74)), ((0.0, -0.28), (-0.24, -0.32), (-0.24, -0.58)))
    return [
        Shape(points=np.array(line) * height + (x, y), color=green, material="foliage", near=(near, near), stroke=width * height)
        for line, width in zip(lines, (0.17, 0.12, 0.12), strict=True)
    ]
