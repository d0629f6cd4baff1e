"""Pieces of places: ridges, peaks, dunes, headlands, ribbons."""

from functools import lru_cache

import numpy as np

from sakuga.sketchbook.display_list import Color, Material, Points, Shape

MARGIN = 0.35
"""How far the land continues beyond the image's sides, for camera pans."""
FLOOR = 1.06
"""Where the land ends below the image."""
_TURN = np.linspace(0.0, 2.0 * np.pi, 20, endpoint=False)
_CIRCLE: Points = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


def mix(first: Color, second: Color, share: float) -> Color:
    """Mix two colors."""
    rest = 1.0 - share
    return first[0] * rest + second[0] * share, first[1] * rest + second[1] * share, first[2] * rest + second[2] * share


def varied(rng: np.random.Generator, color: Color, amount: float = 0.04) -> Color:
    """Vary a color a little, within 0 to 1."""
    red, green, blue = rng.uniform(-amount, amount, 3).tolist()
    return min(1.0, max(0.0, color[0] + red)), min(1.0, max(0.0, color[1] + green)), min(1.0, max(0.0, color[2] + blue))


@lru_cache(maxsize=256)
def across(aspect: float, count: int) -> np.ndarray:
    """Return `count` even x over the image and margins.

    Cached: never write into it.
    """
    xs = np.linspace(-MARGIN, aspect + MARGIN, count)
    xs.setflags(write=False)
    return xs


@lru_cache(maxsize=64)
def even(start: float, stop: float, count: int) -> np.ndarray:
    """Return `count` even steps from start to stop.

    Cached: never write into it.
    """
    steps = np.linspace(start, stop, count)
    steps.setflags(write=False)
    return steps


def points_of(xs: np.ndarray, ys: np.ndarray) -> Points:
    """Stack x and y, each (n,), as points."""
    return np.array((xs, ys)).T


def moved(points: Points, x: float, y: float) -> Points:
    """Shift points."""
    shifted: Points = points + np.array((x, y))
    return shifted


def circle(x: float, y: float, radius: float, height: float | None = None) -> Points:
    """Return a circle or ellipse."""
    return _CIRCLE * (radius, radius if height is None else height) + (x, y)


# Lines and what lies below them.


def ridge(rng: np.random.Generator, aspect: float, base: float, height: float, waves: float) -> Points:
    """Return a smooth line of hills, (29, 2) points.

    It swings `height` above and below `base`.
    """
    xs = across(aspect, 29)
    first, second = rng.uniform(0.0, 2.0 * np.pi, 2)
    turns = 2.0 * np.pi * waves * xs
    return points_of(xs, base - height * (0.72 * np.sin(turns + first) + 0.28 * np.sin(1.9 * turns + second)))


def zigzag(rng: np.random.Generator, aspect: float, base: float, height: float, count: int) -> Points:
    """Return a jagged line of peaks.

    Valleys at `base`, summits up to `height` above it.
    """
    steps = 2 * count + 1
    xs = across(aspect, steps).copy()
    xs[1:-1] += rng.uniform(-0.2, 0.2, steps - 2) * (xs[1] - xs[0])
    ys = np.full(steps, base)
    ys[1::2] -= height * rng.uniform(0.6, 1.0, count)
    ys[2:-1:2] -= height * rng.uniform(0.0, 0.3, count - 1)
    return points_of(xs, ys)


def below(line: Points, bottom: float = FLOOR) -> Points:
    """Close a line into the land below."""
    return np.concatenate([line, [(line[-1, 0], bottom), (line[0, 0], bottom)]])


def land(line: Points, color: Color, near: tuple[float, float], material: Material = "ground") -> Shape:
    """Return the land below a line."""
    return Shape(points=below(line), color=color, material=material, near=near)


def height_at(line: Points, x: float) -> float:
    """Return the y of a line at x."""
    return float(np.interp(x, line[:, 0], line[:, 1]))


def ribbon(start: tuple[float, float], end: tuple[float, float], widths: tuple[float, float], bend: float) -> Points:
    """Return a winding band from far to near.

    Such as a path or river, from `start` to `end`.
    """
    along = even(0.0, 1.0, 13)
    # Perspective: the far half of the way is squeezed together, and its bends are narrow.
    xs = start[0] + (end[0] - start[0]) * along**1.6 + bend * np.sin(along * 2.0 * np.pi) * (0.35 + 0.65 * along) * (1.0 - along**4)
    ys = start[1] + (end[1] - start[1]) * along
    half = 0.5 * (widths[0] + (widths[1] - widths[0]) * along**1.5)
    return np.concatenate([points_of(xs - half, ys), points_of(xs + half, ys)[::-1]])


# Mountains and dunes.


def peak(
    rng: np.random.Generator, x: float, top: float, base: float, half: float, color: Color, near: float, light_x: float
) -> list[Shape]:
    """Draw one snow-capped mountain."""
    height = base - top
    left, right = half * rng.uniform(0.9, 1.15), half * rng.uniform(0.9, 1.15)
    body = np.array([
        (-left, height), (-0.62 * left, 0.56 * height), (-0.30 * left, 0.34 * height), (0.0, 0.0),
        (0.26 * right, 0.30 * height), (0.60 * right, 0.52 * height), (right, height),
    ])  # fmt: skip
    dark = np.array([
        (0.0, 0.0), (0.26, 0.30), (0.60, 0.52), (1.0, 1.0), (0.30, 1.0), (0.02, 0.72), (0.14, 0.42), (-0.04, 0.24),
    ]) * (right, height)  # fmt: skip
    cap = np.array([(0.0, 0.0), (0.26, 0.30), (0.20, 0.40), (0.10, 0.31), (0.0, 0.46), (-0.12, 0.32), (-0.22, 0.42), (-0.27, 0.31)])
    cap_dark = np.array([(0.0, 0.0), (0.26, 0.30), (0.20, 0.40), (0.10, 0.31), (0.04, 0.40), (0.08, 0.26), (-0.03, 0.18)])
    side = -1.0 if light_x > x else 1.0
    turn = np.array((side, 1.0))
    return [
        Shape(points=moved(body, x, top), color=color, material="far", near=(near, near)),
        Shape(points=dark * turn + (x, top), color=mix(color, (0.16, 0.20, 0.36), 0.34), material="far", near=(near, near), ink=False),
        Shape(points=cap * (half, height) * turn + (x, top), color=(0.99, 0.99, 1.0), material="far", near=(near, near), ink=False),
        Shape(points=cap_dark * (half, height) * turn + (x, top), color=(0.78, 0.85, 0.95), material="far", near=(near, near), ink=False),
    ]


def dune(
    x: float, top: float, base: float, half: float, color: Color, shade: Color, near: tuple[float, float], light_x: float
) -> list[Shape]:
    """Draw one dune, lit and shaded."""
    along = even(-1.0, 1.0, 21)
    rise = (0.5 + 0.5 * np.cos(np.pi * along)) ** 1.15
    side = -1.0 if light_x > x else 1.0
    outline = points_of(x + half * along, base - (base - top) * rise)
    right = along >= 0.0
    down = even(1.0, 0.0, 7)
    crest = points_of(half * (0.34 * np.sin(np.pi * down) - 0.10 * down), (base - top) * down)
    face = np.concatenate([points_of(half * along[right], (base - top) * (1.0 - rise[right])), [(half, base - top)], crest])
    return [
        Shape(points=below(outline, max(base, FLOOR)), color=color, material="ground", near=near),
        Shape(points=face * (side, 1.0) + (x, top), color=shade, material="ground", near=near, ink=False),
    ]


def slope(meet: float, low: float, side: float, high: float, color: Color, near: float) -> Shape:
    along = even(0.0, 1.0, 9)
    xs, ys = meet + (side - meet) * along, low - (low - high) * along**0.8 - 0.02 * np.sin(along * 9.0)
    points = np.concatenate([points_of(xs, ys), [(side, FLOOR), (meet, FLOOR)]])
    return Shape(points=points, color=color, material="far" if near < 0.3 else "ground", near=(near, near))


def headland(x: float, reach: float, aspect: float, top: float) -> Points:
    """Draw a flat-topped headland around x.

    It runs off the image at its nearer side.
    """
    xs = across(aspect, 41)
    offset = xs - x
    if x < 0.45 * aspect:
        offset = np.maximum(offset, 0.0)
    elif x > 0.55 * aspect:
        offset = np.minimum(offset, 0.0)
    fall = np.clip((np.abs(offset) - reach) / 0.2, 0.0, 1.0)
    return points_of(xs, top + 0.40 * fall**1.5)


def turf(ground: Points) -> Points:
    """Draw the grass on a headland."""
    top = ground[:, 1].min()
    upper = ground[ground[:, 1] < top + 0.10]
    thickness = 0.07 * (1.0 - (upper[:, 1] - top) / 0.12) + 0.012 * np.sin(upper[:, 0] * 40.0)
    return np.concatenate([upper, points_of(upper[:, 0], upper[:, 1] + thickness + 0.01)[::-1]])


def slant(aspect: float, y: float, fall: float) -> Points:
    xs = across(aspect, 21)
    return points_of(xs, y + fall * (xs / aspect - 0.5) + 0.01 * np.sin(6.0 * xs))


def ripple(aspect: float, y: float, color: Color, near: float) -> Shape:
    xs = across(aspect, 31)
    line = points_of(xs, y + 0.012 * np.sin(5.0 * xs + 20.0 * y))
    return Shape(points=line, color=color, material="ground", near=(near, near), alpha=0.4, stroke=0.012, ink=False)
