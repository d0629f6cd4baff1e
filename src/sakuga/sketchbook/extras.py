"""Extras beside the subject: birds, flowers, path, stream, pond, shadow."""

import numpy as np

from sakuga.sketchbook.display_list import Color, Material, Points, Shape
from sakuga.sketchbook.place_layout import PlaceLayout
from sakuga.sketchbook.scenery import FLOOR, circle, height_at, mix, moved, points_of, ribbon
from sakuga.sketchbook.sky import HourColors


def birds(rng: np.random.Generator, t: float, aspect: float, away_from: float) -> list[Shape]:
    """Draw a small flock crossing the sky."""
    count = int(rng.integers(3, 7))
    lead = aspect * (0.56 if away_from < aspect / 2 else 0.44) + rng.uniform(-0.06, 0.06)
    heading = 1.0 if rng.random() < 0.5 else -1.0
    height, speed = rng.uniform(0.12, 0.22), rng.uniform(0.05, 0.12)
    shapes = []
    for index in range(count):
        size = 0.032 + 0.014 * rng.random()
        rank, wing = (index + 1) // 2, 1.0 if index % 2 else -1.0
        # Far outside the image the flock turns back on a wide circle, so that it never leaves for good.
        x = lead + heading * (0.30 * np.sin(speed * t / 0.30) - 0.10 * rank) + rng.uniform(-0.01, 0.01)
        y = height + 0.05 * rank * wing + 0.006 * np.sin(1.3 * t + index)
        lift = 0.25 + 0.65 * np.sin(7.0 * t + 1.7 * index)
        line = np.array([(-1.0, -lift), (-0.45, -0.55 * lift - 0.18), (0.0, 0.12), (0.45, -0.55 * lift - 0.18), (1.0, -lift)]) * size
        shapes.append(
            Shape(points=moved(line, x, y), color=(0.16, 0.17, 0.26), material="detail", near=(0.5, 0.5), stroke=0.009, glow=0.5, ink=False)
        )
    return shapes


def flowers(rng: np.random.Generator, t: float, stage: PlaceLayout, aspect: float, foot: float) -> list[Shape]:
    """Draw two dozen blossoms in the foreground.

    They have two colors, are larger when nearer, and keep clear of the subject's foot.
    """
    count = int(22 * max(1.0, aspect))
    palette: tuple[Color, ...] = ((0.98, 0.36, 0.42), (1.0, 0.85, 0.25), (1.0, 0.97, 0.94), (0.72, 0.46, 0.92), (1.0, 0.56, 0.72))
    first, second = rng.permutation(5)[:2].tolist()
    top = min(0.93, max(float(stage.ground[:, 1].min()) + 0.08, foot + 0.015))
    depths = np.sort(rng.permutation(count) / count)
    ys = top + (0.985 - top) * depths
    xs = (np.arange(count) * 0.618034 + rng.random()) % 1.0 * (aspect + 0.1) - 0.05 + 0.012 * np.sin(2.2 * t + 5.0 * ys)
    blossoms = _BLOSSOM * (0.011 + 0.011 * depths)[:, None, None] + points_of(xs, ys)[:, None]
    nears = np.interp(ys, (float(stage.ground[:, 1].mean()), FLOOR), stage.near).tolist()
    return [
        Shape(points=outline, color=palette[first if index % 3 else second], material="detail", near=(near, near), glow=0.25, ink=False)
        for index, (outline, near) in enumerate(zip(blossoms, nears, strict=True))
    ]


_BLOSSOM: Points = circle(0.0, 0.0, 1.0)[::2]


def path(rng: np.random.Generator, stage: PlaceLayout, start: tuple[float, float], aspect: float) -> list[Shape]:
    """Draw a winding sandy path to a point."""
    away = 1.0 if start[0] < aspect / 2 else -1.0
    end = start[0] + away * rng.uniform(0.08, 0.26) * aspect
    shape = ribbon(start, (end, FLOOR), (0.035, 0.26), -0.05 * away)
    edge = ribbon(start, (end, FLOOR), (0.05, 0.31), -0.05 * away)
    near = (stage.near_at(*start), stage.near[1])
    return [
        Shape(points=edge, color=(0.66, 0.58, 0.38), material="ground", near=near, ink=False),
        Shape(points=shape, color=(0.95, 0.84, 0.62), material="ground", near=near),
    ]


def stream(stage: PlaceLayout, x: float, hour: HourColors) -> list[Shape]:
    """Draw water under a bridge at x."""
    top = height_at(stage.ground, x)
    water = mix(hour.water[0], hour.water[1], 0.45)
    points = ribbon((x + 0.10, top), (x - 0.06, FLOOR), (0.04, 0.58), -0.05)
    return [Shape(points=points, color=water, material="water", near=stage.near)]


def pond(x: float, y: float, width: float, near: float, hour: HourColors) -> list[Shape]:
    """Draw water under a subject that floats."""
    return [
        Shape(points=circle(x, y, width * 1.08, width * 0.22), color=(0.72, 0.74, 0.46), material="ground", near=(near, near)),
        Shape(points=circle(x, y, width, width * 0.19), color=mix(*hour.water, 0.4), material="water", near=(near, near)),
    ]


def shadow(x: float, y: float, width: float, near: float, color: Color = (0.05, 0.10, 0.16), material: Material = "ground") -> Shape:
    """Draw a thing's shadow at its foot."""
    outline: Points = circle(x, y, width, max(0.012, 0.13 * width))
    return Shape(points=outline, color=color, material=material, near=(near, near), alpha=0.28, ink=False)
