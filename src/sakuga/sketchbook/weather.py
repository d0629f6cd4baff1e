"""Rain, snow and fog."""

import numpy as np

from sakuga.sketchbook.display_list import Color, Shape
from sakuga.sketchbook.labels import Time, Weather
from sakuga.sketchbook.scenery import across, mix, points_of
from sakuga.sketchbook.sky import HourColors


def precipitation(rng: np.random.Generator, t: float, aspect: float, weather: Weather, time: Time) -> list[Shape]:
    """Draw rain or snow, in front of everything."""
    match weather:
        case "rain":
            return _rain(rng, t, aspect, time)
        case "snow":
            return _snow(rng, t, aspect)
        case _:
            return []


def _rain(rng: np.random.Generator, t: float, aspect: float, time: Time) -> list[Shape]:
    """Draw slanted streaks, faster when nearer."""
    count = int(34 * max(1.0, aspect))
    nearness = np.tile((0.0, 0.5, 1.0), count // 3 + 1)[:count]
    lengths = 0.07 + 0.06 * nearness
    ys = (rng.permutation(count) / count * 1.3 + (0.9 + 0.7 * nearness) * t) % 1.3 - 0.15
    xs = (np.arange(count) * 0.618034 % 1.0) * (aspect + 0.3) - 0.05 - 0.28 * ys * 0.5
    color: Color = (0.62, 0.72, 0.88) if time == "night" else (0.93, 0.96, 1.0)
    ends = np.stack([xs, ys, xs - 0.28 * lengths, ys + lengths], axis=1).reshape(-1, 2, 2)
    widths = (0.005 + 0.0035 * nearness).tolist()
    return [
        Shape(points=line, color=color, material="fall", near=(0.9, 0.9), alpha=0.62, stroke=width, ink=False)
        for line, width in zip(ends, widths, strict=True)
    ]


def _snow(rng: np.random.Generator, t: float, aspect: float) -> list[Shape]:
    """Draw swaying flakes of three sizes."""
    count = int(44 * max(1.0, aspect))
    nearness = np.tile((0.0, 0.35, 0.0, 1.0, 0.35), count // 5 + 1)[:count]
    radii = 0.0075 + 0.0105 * nearness
    ys = (rng.permutation(count) / count * 1.1 + (0.16 + 0.18 * nearness) * t) % 1.1 - 0.05
    xs = (np.arange(count) * 0.618034 % 1.0) * (aspect + 0.1) - 0.05 + 0.03 * np.sin(1.6 * t + rng.uniform(0.0, 6.3, count))
    flakes = _FLAKE * radii[:, None, None] + points_of(xs, ys)[:, None]
    return [Shape(points=flake, color=(1.0, 1.0, 1.0), material="fall", near=(0.9, 0.9), alpha=1.0, ink=False) for flake in flakes]


_ANGLES = np.linspace(0.0, 2.0 * np.pi, 8, endpoint=False)
_FLAKE = points_of(np.cos(_ANGLES), np.sin(_ANGLES))


def fog(rng: np.random.Generator, t: float, aspect: float, hour: HourColors, heights: tuple[float, ...], alpha: float) -> list[Shape]:
    """Draw soft banks of drifting mist."""
    return [
        _bank(aspect, height + rng.uniform(-0.015, 0.015), 0.10, 0.12 * t * (1 if index % 2 else -1) + rng.uniform(0, 6.3), hour, alpha)
        for index, height in enumerate(heights)
    ]  # fmt: skip


def _bank(aspect: float, y: float, thickness: float, phase: float, hour: HourColors, alpha: float) -> Shape:
    xs = across(aspect, 21)
    swell = 0.5 + 0.5 * np.sin(4.2 * xs + phase * 3.0)
    upper = points_of(xs, y - thickness * (0.45 + 0.55 * swell))
    lower = points_of(xs, y + thickness * (0.5 + 0.3 * swell))[::-1]
    points = np.concatenate([upper, lower])
    color = mix(hour.mist, (1.0, 1.0, 1.0), 0.10)
    return Shape(points=points, color=color, material="mist", near=(0.3, 0.3), alpha=alpha, soft=0.022, ink=False)
