"""Looks: how a display list is painted, and its depth."""

import cv2
import numpy as np

from sakuga.sketchbook.display_list import DisplayList
from sakuga.sketchbook.labels import Look
from sakuga.sketchbook.looks.cel import paint_cel
from sakuga.sketchbook.looks.comic import paint_comic
from sakuga.sketchbook.looks.flat import paint_flat
from sakuga.sketchbook.looks.luminous import paint_luminous
from sakuga.sketchbook.looks.pixel import paint_pixel
from sakuga.sketchbook.looks.raster import Image, fill, outlines
from sakuga.sketchbook.looks.watercolor import paint_watercolor

PAINTERS = {
    "flat": paint_flat,
    "watercolor": paint_watercolor,
    "cel": paint_cel,
    "luminous": paint_luminous,
    "comic": paint_comic,
    "pixel": paint_pixel,
}


def paint(drawing: DisplayList, width: int, height: int, look: Look = "flat") -> Image:
    """Paint a display list, (height, width, 3) uint8 RGB.

    Deterministic to the byte.
    """
    return PAINTERS[look](drawing, width, height)


def depth(drawing: DisplayList, width: int, height: int) -> np.ndarray:
    """Return the depth, (height, width) float32.

    0 is the sky, 1 is at the lens.
    """
    image = np.zeros((height, width), np.float32)
    for outline in outlines(drawing, width, height):
        shape = outline.shape
        if shape.material in ("mist", "fall", "cloud") or (shape.material == "light" and shape.alpha < 0.6):
            continue
        high, low = shape.near
        if high == low:
            fill(image, outline, high, cv2.LINE_8)
            continue
        view = outline.view(image)
        mask = np.zeros(view.shape, np.uint8)
        fill(mask, outline.inside(), 1, cv2.LINE_8)
        # The shape may reach out of the image: its ends are those of the whole shape.
        ends = outline.path[:, 1].min() / 16, outline.path[:, 1].max() / 16
        ramp = np.interp(np.arange(outline.top, outline.bottom), ends, (high, low)).astype(np.float32)
        np.copyto(view, ramp[:, None], where=mask > 0)
    return image
