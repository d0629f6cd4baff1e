"""Light, shade and noise for all looks."""

import colorsys
from functools import lru_cache

import cv2
import numpy as np

from sakuga.sketchbook.display_list import Color
from sakuga.sketchbook.looks.raster import Mask, Outline, coverage

SOLID = ("far", "ground", "foliage", "building", "skin", "hair", "cloth", "detail")
"""The materials that have a lit and a shaded side."""

LAND = ("far", "ground", "water")
"""The materials that reach out of the image."""


def mix(one: Color, other: Color, share: float) -> Color:
    """Mix two colors by a share of 0..1."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def toned(color: Color, saturation: float = 1.0, value: float = 1.0) -> Color:
    """Scale saturation and value, clipped to 0..1."""
    hue, before, bright = colorsys.rgb_to_hsv(*color)
    return colorsys.hsv_to_rgb(hue, min(before * saturation, 1), min(bright * value, 1))


def shaded_edge(outline: Outline, light_from: tuple[float, float], reach: float) -> Mask:
    """Return the part of a shape near its shaded edge.

    Within `reach` pixels, on the side away from the light (toward it, if negative).
    """
    box = np.array((outline.left + outline.right, outline.top + outline.bottom)) / 2
    toward = np.array(light_from) * outline.scale - box
    x, y = toward / max(float(np.hypot(*toward)), 1e-6) * reach
    side: Mask = cv2.subtract(coverage(outline), coverage(outline.moved(x, y)))
    return side


def modelled(outline: Outline) -> bool:
    """Return whether a shape is a body with a shaded side.

    Not a lamp, a small thing, or a mark on another shape.
    """
    shape = outline.shape
    solid = shape.material in SOLID and shape.ink and shape.glow <= 0.3 and shape.stroke == 0
    return solid and shape.alpha > 0.6 and outline.size >= 0.035 * outline.scale


def luminance(color: Color) -> float:
    """Return a color's luminance, 0..1 (Rec. 709)."""
    return 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2]


@lru_cache(maxsize=16)
def noise(seed: int, width: int, height: int, waves: float) -> np.ndarray:
    """Return smooth noise, (height, width) float32.

    Mostly within -1..1, with about `bumps` bumps over the height.

    The noise stays at its place in the image whatever the size in pixels.
    """
    rng = np.random.default_rng((seed, round(waves * 16)))
    rows = round(waves) + 3
    columns = round(waves * width / height) + 3
    # One row of values at a time, wider than needed, so that another aspect does not change what both show.
    values = rng.standard_normal((rows, max(columns, 4 * rows)))[:, :columns].astype(np.float32) * 0.6
    x = (np.arange(width, dtype=np.float32) + 0.5) / height * waves + 1
    y = (np.arange(height, dtype=np.float32) + 0.5) / height * waves + 1
    field: np.ndarray = cv2.remap(values, *np.meshgrid(x, y), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    field.setflags(write=False)
    return field
