"""Sky and light: colors, sun, moon, stars, clouds, air."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sakuga.sketchbook.display_list import Color, Material, Points, Shape
from sakuga.sketchbook.labels import Labels, Time, Weather
from sakuga.sketchbook.scenery import MARGIN, across, circle, even, mix, points_of


@dataclass(frozen=True, slots=True, kw_only=True)
class HourColors:
    """The colors of a time of day and weather."""

    sky: tuple[Color, ...]
    """From the zenith down to the horizon."""
    ambient: Color
    """What every color of the land is multiplied by."""
    mist: Color
    """What distance fades into."""
    haze: float
    """How much of the farthest land the air hides, 0 to 1."""
    thick: float
    """How fast the air clears towards us: the power of the distance that it goes with."""
    cloud: Color
    cloud_shade: Color
    light: Color
    water: tuple[Color, Color]
    """Water at the horizon and in the foreground, already lit."""
    whiten: float
    """How much fallen snow covers the land, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Palette:
    sky: tuple[Color, ...]
    grey: Color
    ambient: Color
    mist: Color
    cloud: Color
    cloud_shade: Color
    light: Color
    water: tuple[Color, Color]


_PALETTES: dict[Time, _Palette] = {
    "dawn": _Palette(
        sky=((0.50, 0.52, 0.82), (0.78, 0.64, 0.84), (0.98, 0.72, 0.74), (1.0, 0.88, 0.72)),
        grey=(0.76, 0.68, 0.76), ambient=(0.98, 0.84, 0.90), mist=(0.97, 0.82, 0.82),
        cloud=(1.0, 0.86, 0.84), cloud_shade=(0.84, 0.66, 0.80), light=(1.0, 0.84, 0.66),
        water=((0.92, 0.74, 0.80), (0.42, 0.46, 0.76)),
    ),
    "day": _Palette(
        sky=((0.20, 0.52, 0.90), (0.36, 0.67, 0.95), (0.58, 0.82, 0.98), (0.84, 0.94, 0.98)),
        grey=(0.66, 0.73, 0.80), ambient=(1.0, 1.0, 1.0), mist=(0.78, 0.89, 0.97),
        cloud=(1.0, 1.0, 1.0), cloud_shade=(0.76, 0.84, 0.93), light=(1.0, 0.96, 0.72),
        water=((0.48, 0.80, 0.92), (0.10, 0.44, 0.76)),
    ),
    "sunset": _Palette(
        sky=((0.28, 0.16, 0.44), (0.66, 0.20, 0.42), (0.95, 0.40, 0.26), (1.0, 0.72, 0.28)),
        grey=(0.56, 0.36, 0.40), ambient=(0.94, 0.66, 0.66), mist=(0.92, 0.50, 0.44),
        cloud=(1.0, 0.60, 0.42), cloud_shade=(0.60, 0.24, 0.42), light=(1.0, 0.70, 0.34),
        water=((0.94, 0.50, 0.34), (0.34, 0.18, 0.42)),
    ),
    "night": _Palette(
        sky=((0.02, 0.04, 0.15), (0.05, 0.09, 0.26), (0.09, 0.16, 0.38), (0.17, 0.27, 0.50)),
        grey=(0.10, 0.13, 0.22), ambient=(0.32, 0.42, 0.66), mist=(0.13, 0.20, 0.40),
        cloud=(0.25, 0.31, 0.48), cloud_shade=(0.14, 0.18, 0.34), light=(0.86, 0.90, 1.0),
        water=((0.16, 0.28, 0.50), (0.04, 0.09, 0.26)),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Air:
    grey: float
    dark: float
    haze: float
    ambient: float
    mist: float


_AIRS: dict[Weather, _Air] = {
    "clear": _Air(0.0, 1.0, 0.62, 1.0, 0.0),
    "cloudy": _Air(0.42, 0.94, 0.62, 0.88, 0.0),
    "rain": _Air(0.62, 0.72, 0.66, 0.74, 0.0),
    "snow": _Air(0.78, 0.98, 0.70, 0.94, 0.0),
    "fog": _Air(0.40, 1.0, 0.94, 0.94, 0.58),
}
_FOG: dict[Time, Color] = {
    "dawn": (0.95, 0.85, 0.87),
    "day": (0.87, 0.91, 0.93),
    "sunset": (0.92, 0.68, 0.54),
    "night": (0.25, 0.31, 0.45),
}


def hour_colors(labels: Labels, rng: np.random.Generator) -> HourColors:
    """Return the colors of a time and weather.

    Random shifts are small: never to another hour.
    """
    palette, air = _PALETTES[labels.time], _AIRS[labels.weather]
    fog = _FOG[labels.time]
    warmth = rng.uniform(-0.03, 0.03)
    sky = tuple(
        _clip(mix(_dim(mix(color, palette.grey, air.grey), air.dark), fog, air.mist), warmth)
        for color in palette.sky
    )  # fmt: skip
    # Nights are dark enough without the clouds.
    ambient = _dim(palette.ambient, air.ambient if labels.time != "night" else 0.5 + 0.5 * air.ambient)
    mist = mix(_dim(mix(palette.mist, palette.grey, air.grey * 0.7), 0.4 + 0.6 * air.dark), fog, min(1.0, air.mist * 1.5))
    far_water, near_water = (
        mix(_dim(mix(color, palette.grey, air.grey * 0.7), 0.25 + 0.75 * air.dark), fog, air.mist * share)
        for color, share in zip(palette.water, (1.2, 0.6), strict=True)
    )
    return HourColors(
        sky=sky,
        ambient=ambient,
        mist=mist,
        haze=air.haze,
        thick=1.6 if labels.weather == "fog" else 2.2,
        cloud=mix(_dim(mix(palette.cloud, palette.grey, air.grey * 0.5), 0.3 + 0.7 * air.dark), fog, air.mist),
        cloud_shade=mix(_dim(mix(palette.cloud_shade, palette.grey, air.grey * 0.6), air.dark), fog, air.mist),
        light=palette.light,
        water=(_clip(far_water, 0.0), _clip(near_water, 0.0)),
        whiten=0.72 if labels.weather == "snow" else 0.0,
    )


def _dim(color: Color, factor: float) -> Color:
    return color[0] * factor, color[1] * factor, color[2] * factor


def _clip(color: Color, warmth: float) -> Color:
    red, green, blue = color
    return min(1.0, max(0.0, red + warmth)), min(1.0, max(0.0, green)), min(1.0, max(0.0, blue - warmth))


def gradient(hour: HourColors, horizon: float) -> tuple[tuple[float, Color], ...]:
    """Return the sky's gradient from top to horizon."""
    last = len(hour.sky) - 1
    return tuple((horizon * index / last, color) for index, color in enumerate(hour.sky))


# Sun, moon and stars.


def sun(x: float, y: float, radius: float, hour: HourColors, time: Time) -> list[Shape]:
    """Draw the sun with two halos."""
    core: Color = {"dawn": (1.0, 0.93, 0.74), "day": (1.0, 0.93, 0.45), "sunset": (1.0, 0.86, 0.42), "night": (1.0, 1.0, 1.0)}[time]
    return [
        _lamp(x, y, radius * 2.1, hour.light, alpha=0.22, soft=0.03),
        _lamp(x, y, radius * 1.4, hour.light, alpha=0.40, soft=0.015),
        _lamp(x, y, radius, core, glow=1.0),
    ]


def moon(x: float, y: float, radius: float) -> list[Shape]:
    """Draw a full moon with a ring."""
    pale, spot = (0.97, 0.96, 0.86), (0.83, 0.83, 0.78)
    seas = ((-0.30, -0.25, 0.26), (0.32, 0.10, 0.20), (-0.12, 0.42, 0.16))
    return [
        _lamp(x, y, radius * 1.7, (0.70, 0.78, 1.0), alpha=0.22, soft=0.03),
        _lamp(x, y, radius, pale, glow=1.0),
        *(_lamp(x + dx * radius, y + dy * radius, size * radius, spot, glow=0.9) for dx, dy, size in seas),
    ]


def _lamp(x: float, y: float, radius: float, color: Color, *, alpha: float = 1.0, glow: float = 0.3, soft: float = 0.0) -> Shape:
    return Shape(points=circle(x, y, radius), color=color, material="light", alpha=alpha, glow=glow, soft=soft, ink=False)


def stars(rng: np.random.Generator, t: float, aspect: float, horizon: float) -> list[Shape]:
    """Draw some thirty twinkling stars, evenly spread."""
    count = int(26 * max(1.0, aspect))
    xs = (np.arange(count) * 0.618034 % 1.0) * (aspect + 0.2) - 0.1
    ys = rng.permutation(count) / count * (horizon - 0.04) + rng.uniform(0.0, 0.03, count)
    sizes = rng.choice((0.009, 0.012, 0.018), count, p=(0.45, 0.35, 0.20))
    twinkle = 0.72 + 0.28 * np.sin(t * rng.uniform(1.5, 4.0, count) + rng.uniform(0.0, 6.3, count))
    points = _STAR * (sizes * twinkle)[:, None, None] + points_of(xs, ys)[:, None]
    return [
        Shape(points=outline, color=(1.0, 0.98, 0.88), material="light", alpha=alpha, glow=0.3, ink=False)
        for outline, alpha in zip(points, (0.4 + 0.6 * twinkle).tolist(), strict=True)
    ]


_STAR: Points = np.array([(0, -1), (0.32, -0.32), (1, 0), (0.32, 0.32), (0, 1), (-0.32, 0.32), (-1, 0), (-0.32, -0.32)], dtype=float)


# Clouds.


def clouds(rng: np.random.Generator, t: float, aspect: float, weather: Weather, hour: HourColors) -> list[Shape]:
    """Draw the drifting clouds of a weather.

    Hardly one in clear weather, heaps when cloudy, a dark ceiling in rain, a pale one in snow.
    """
    rows = _SKIES[weather]
    shapes: list[Shape] = []
    span = aspect + 0.8
    slots = (rng.permutation(len(rows)) + rng.random()) / max(1, len(rows)) * span
    speed = rng.uniform(0.04, 0.09)
    for (low, high, width, height), slot in zip(rows, slots.tolist(), strict=True):
        vary_height, vary_width, vary_base, vary_speed = rng.random(4).tolist()
        x = (slot + speed * (0.8 + 0.4 * vary_speed) * t) % span - 0.4
        shapes += cloud(
            rng, x, low + (high - low) * vary_base, width * (0.85 + 0.3 * vary_width), height * (0.85 + 0.3 * vary_height), hour
        )
    if weather in ("rain", "snow"):
        shapes += _ceiling(rng, t, aspect, hour)
    return shapes


_SKIES: dict[Weather, tuple[tuple[float, float, float, float], ...]] = {
    "clear": ((0.14, 0.34, 0.26, 0.07),),
    "cloudy": (
        (0.10, 0.16, 0.70, 0.16), (0.14, 0.22, 0.60, 0.18), (0.24, 0.32, 0.62, 0.18), (0.30, 0.36, 0.50, 0.14), (0.40, 0.44, 0.44, 0.10),
    ),
    "rain": (),
    "snow": (),
    "fog": (),
}  # fmt: skip
"""For every cloud: its base between two heights, its width, its own height."""


def cloud(rng: np.random.Generator, x: float, base: float, width: float, height: float, hour: HourColors) -> list[Shape]:
    """Draw one cloud with a flat base."""
    random = rng.random((2, 4))
    centres = _PUFF_CENTRES + 0.04 * random[0]
    radii = _PUFF_RADII * (0.92 + 0.23 * random[1])
    rise = np.sqrt(np.maximum(radii[:, None] ** 2 - (_ALONG - centres[:, None]) ** 2, 0.0)).max(axis=0)
    top = points_of(x + _ALONG * width, base - (rise / 0.26 + 0.06) * height)
    scale, foot = np.array((width, height)), np.array((x, base))
    body, lit = (np.concatenate([top, under * scale + foot]) for under in (_BELLY, _BRIM))
    return [
        Shape(points=body, color=hour.cloud_shade, material="cloud", near=(0.03, 0.03), ink=False),
        Shape(points=lit, color=hour.cloud, material="cloud", near=(0.03, 0.03), ink=False),
    ]


_ALONG = even(-0.49, 0.49, 43)
_PUFF_CENTRES = np.array((-0.35, -0.12, 0.14, 0.34))
_PUFF_RADII = np.array((0.15, 0.23, 0.19, 0.13))
_BELLY: Points = np.array([(0.52, 0.0), (-0.52, 0.0)])
_BRIM: Points = np.array([(0.40, -0.30), (0.05, -0.22), (-0.42, -0.32)])


def _ceiling(rng: np.random.Generator, t: float, aspect: float, hour: HourColors) -> list[Shape]:
    """Draw a low bank of cloud along the top."""
    shapes = []
    dark = mix(hour.cloud_shade, hour.sky[0], 0.55)
    for depth, color in ((0.30, mix(hour.cloud, hour.cloud_shade, 0.6)), (0.21, mix(hour.cloud_shade, dark, 0.3)), (0.11, dark)):
        xs = across(aspect, 61)
        pace, first, second = rng.random(3).tolist()
        wide = np.abs(np.sin(xs * (4.0 + 1.5 * pace) + 3.0 * first + 0.4 * t))
        small = np.abs(np.sin(xs * (8.0 + 3.0 * pace) + 3.0 * second + 0.6 * t))
        ys = depth * (0.66 + 0.30 * np.sqrt(wide) + 0.16 * np.sqrt(small))
        points = np.concatenate([points_of(xs, ys), [(aspect + MARGIN, -0.1), (-MARGIN, -0.1)]])
        shapes.append(Shape(points=points, color=color, material="cloud", near=(0.03, 0.03), ink=False))
    return shapes


# Light on the land.

_OWN_LIGHT: frozenset[Material] = frozenset(("sky", "cloud", "light", "mist", "fall", "water"))
"""Materials whose colors already are those of the hour."""
_SNOWED: dict[Material, float] = {"ground": 1.0, "far": 0.8, "foliage": 0.7, "building": 0.2}


def lit_colors(shapes: Sequence[Shape], lifts: Sequence[float], hour: HourColors) -> list[Color]:
    """Return shape colors under light, snow and air.

    A lift (0 to 1, one for each shape) brightens towards the shape's own color, so that the subject stays legible at night.
    """
    table = np.array([
        (*shape.color, *shape.near, 1.0 if shape.material in _OWN_LIGHT else shape.glow, _SNOWED.get(shape.material, 0.0), lift)
        for shape, lift in zip(shapes, lifts, strict=True)
    ])  # fmt: skip
    colors, near, own, snow, lift = table[:, :3], table[:, 3:5].mean(axis=1, keepdims=True), table[:, 5:6], table[:, 6:7], table[:, 7:]
    ambient = np.array(hour.ambient)
    lit = (colors + (np.array((0.95, 0.96, 1.0)) - colors) * (snow * hour.whiten)) * (ambient + (1.0 - ambient) * lift)
    lit += (np.array(hour.mist) - lit) * (hour.haze * (0.10 + 0.90 * (1.0 - near) ** hour.thick) * (1.0 - 0.6 * lift))
    return [tuple(row) for row in (lit + (colors - lit) * own).clip(0.0, 1.0).tolist()]
