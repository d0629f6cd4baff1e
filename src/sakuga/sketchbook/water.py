"""Water: sheets, waves and glints."""

import numpy as np

from sakuga.sketchbook.display_list import Color, Points, Shape
from sakuga.sketchbook.place_layout import PlaceContext
from sakuga.sketchbook.scenery import FLOOR, MARGIN, across, mix, points_of


def water(aspect: float, top: float, bottom: float, color: Color, near: tuple[float, float]) -> Shape:
    return Shape(
        points=strip(aspect, top, max(bottom, FLOOR) if bottom >= 1.0 else bottom), color=color, material="water", near=near, ink=False
    )


def strip(aspect: float, top: float, bottom: float) -> Points:
    return np.array([(-MARGIN, top), (aspect + MARGIN, top), (aspect + MARGIN, bottom), (-MARGIN, bottom)])


def waves(aspect: float, y: float, height: float, phase: float) -> Points:
    xs = across(aspect, 41)
    return points_of(xs, y - height * np.abs(np.sin(10.0 * xs + phase)))


def glints(
    rng: np.random.Generator,
    setting: PlaceContext,
    x: float,
    spread: float,
    ys: tuple[float, float],
    count: int,
    color: Color | None = None,
) -> list[Shape]:
    """Draw short bright strokes on the water."""
    heights = np.linspace(*ys, count) + rng.uniform(-0.01, 0.01, count)
    phases = rng.uniform(0.0, 6.3, count)
    centres = x + spread * rng.uniform(-1.0, 1.0, count) + 0.03 * np.sin(0.9 * setting.t + phases)
    halves = (0.02 + 0.10 * (heights - 0.5)) * (0.75 + 0.35 * np.sin(1.8 * setting.t + 2.0 * phases))
    shine = color or mix(setting.hour.water[0], setting.hour.sky[-1], 0.7)
    return [
        Shape(
            points=np.array([(cx - half, y), (cx + half, y)]),
            color=shine,
            material="water",
            near=(0.5, 0.5),
            alpha=0.8,
            stroke=0.010,
            ink=False,
        )
        for cx, half, y in zip(centres.tolist(), halves.tolist(), heights.tolist(), strict=True)
    ]
