"""Light and shade for every look: colours turned and mixed, and the sides of a shape toward the light and away from it."""

import colorsys
from functools import lru_cache

import cv2
import numpy as np

from sakuga.sketchbook.looks.raster import Mask, Outline, coverage
from sakuga.sketchbook.shapes import Colour

SOLID = ("far", "ground", "foliage", "building", "skin", "hair", "cloth", "detail")
"""The materials that have a lit and a shaded side."""

LAND = ("far", "ground", "water")
"""The materials that reach out of the picture."""


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Go from one colour to another by a share of 0..1."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def toned(colour: Colour, saturation: float = 1.0, value: float = 1.0) -> Colour:
    """Multiply the saturation and the value of a colour, each kept within 0..1."""
    hue, before, bright = colorsys.rgb_to_hsv(*colour)
    return colorsys.hsv_to_rgb(hue, min(before * saturation, 1), min(bright * value, 1))


def turned(outline: Outline, light_from: tuple[float, float], reach: float) -> Mask:
    """Draw the side of a shape that lies within `reach` pixels of its edge, away from the light (toward it, if negative)."""
    box = np.array((outline.left + outline.right, outline.top + outline.bottom)) / 2
    toward = np.array(light_from) * outline.scale - box
    x, y = toward / max(float(np.hypot(*toward)), 1e-6) * reach
    side: Mask = cv2.subtract(coverage(outline), coverage(outline.moved(x, y)))
    return side


def modelled(outline: Outline) -> bool:
    """Is this a body that can have a shaded side, rather than a lamp, a small thing, or a mark on another shape?"""
    shape = outline.shape
    solid = shape.material in SOLID and shape.ink and shape.glow <= 0.3 and shape.stroke == 0
    return solid and shape.alpha > 0.6 and outline.size >= 0.035 * outline.scale


def luminance(colour: Colour) -> float:
    """Return how bright a colour looks, 0..1 (Rec. 709)."""
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


@lru_cache(maxsize=16)
def noise(seed: int, width: int, height: int, waves: float) -> np.ndarray:
    """Draw smooth noise with about so many bumps to the picture's height, (height, width) float32, mostly within -1..1.

    The noise stays at its place in the picture whatever the size in pixels.
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
