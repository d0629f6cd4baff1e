"""The flat look: clean shapes over a gradient."""

import cv2
import numpy as np

from sakuga.sketchbook.display_list import DisplayList
from sakuga.sketchbook.looks.raster import Image, Outline, lay, outlines, sky


def paint_flat(drawing: DisplayList, width: int, height: int) -> Image:
    """Paint solid shapes; lamps have small halos."""
    image = sky(drawing, width, height)
    for outline in outlines(drawing, width, height):
        if shines(outline):
            halo(image, outline)
        lay(image, outline, outline.color)
    return image


def shines(outline: Outline) -> bool:
    """Return whether a shape is a lamp.

    Neither a line nor another lamp's halo.
    """
    shape = outline.shape
    return shape.glow > 0.3 and shape.stroke == 0 and shape.soft == 0 and shape.alpha > 0.9 and outline.size >= 2


def halo(image: Image, outline: Outline) -> None:
    """Add a round bloom under a shape, in place."""
    low, high = outline.path.min(axis=0) / 16, outline.path.max(axis=0) / 16
    x, y = (low + high) / 2
    body = float(max(high - low)) / 2
    reach = min(body, 0.1 * outline.scale) * 1.4 + 0.02 * outline.scale + body
    left, top = max(int(x - reach), 0), max(int(y - reach), 0)
    view = image[top : int(y + reach) + 1, left : int(x + reach) + 1]
    if view.size == 0:
        return
    across = np.arange(left, left + view.shape[1], dtype=np.float32) - np.float32(x)
    down = np.arange(top, top + view.shape[0], dtype=np.float32) - np.float32(y)
    distance = np.sqrt(across**2 + (down**2)[:, None])
    weight = np.clip((reach - distance) / (reach - 0.7 * body), 0, 1) ** 2 * np.float32(0.45 * outline.shape.glow)
    cv2.blendLinear(view, np.full_like(view, outline.color), 1 - weight, weight, view)
