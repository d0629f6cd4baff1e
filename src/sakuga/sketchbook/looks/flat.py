"""The flat look: clean shapes over a gradient, the base of the Sketchbook."""

import cv2
import numpy as np

from sakuga.sketchbook.looks.raster import Outline, Picture, lay, outlines, sky
from sakuga.sketchbook.shapes import Drawing


def paint_flat(drawing: Drawing, width: int, height: int) -> Picture:
    """Paint solid shapes with clean edges; what shines has a small halo."""
    picture = sky(drawing, width, height)
    for outline in outlines(drawing, width, height):
        if shines(outline):
            halo(picture, outline)
        lay(picture, outline, outline.colour)
    return picture


def shines(outline: Outline) -> bool:
    """Is this a lamp, and neither a line nor somebody else's halo?"""
    shape = outline.shape
    return shape.glow > 0.3 and shape.stroke == 0 and shape.soft == 0 and shape.alpha > 0.9 and outline.size >= 2


def halo(picture: Picture, outline: Outline) -> None:
    """Lay a round bloom under a shining shape, in place."""
    low, high = outline.path.min(axis=0) / 16, outline.path.max(axis=0) / 16
    x, y = (low + high) / 2
    body = float(max(high - low)) / 2
    reach = min(body, 0.1 * outline.scale) * 1.4 + 0.02 * outline.scale + body
    left, top = max(int(x - reach), 0), max(int(y - reach), 0)
    view = picture[top : int(y + reach) + 1, left : int(x + reach) + 1]
    if view.size == 0:
        return
    across = np.arange(left, left + view.shape[1], dtype=np.float32) - np.float32(x)
    down = np.arange(top, top + view.shape[0], dtype=np.float32) - np.float32(y)
    distance = np.sqrt(across**2 + (down**2)[:, None])
    weight = np.clip((reach - distance) / (reach - 0.7 * body), 0, 1) ** 2 * np.float32(0.45 * outline.shape.glow)
    cv2.blendLinear(view, np.full_like(view, outline.colour), 1 - weight, weight, view)
