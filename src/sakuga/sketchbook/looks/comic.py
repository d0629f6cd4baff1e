"""The comic look: black ink, few loud colors, halftone dots."""

import colorsys
from functools import lru_cache

import cv2
import numpy as np

from sakuga.sketchbook.display_list import Color, DisplayList
from sakuga.sketchbook.looks.cel import enlargement, trace
from sakuga.sketchbook.looks.raster import Image, Ink, fill, ink, lay, opacity, outlines
from sakuga.sketchbook.looks.shading import LAND, mix, modelled, shaded_edge

BLACK: Ink = (16, 12, 16)
PAPER = np.outer(np.arange(256), (1.0, 0.965, 0.87)).astype(np.uint8)[:, None]
"""What off-white paper makes of each color."""
SHADE = np.outer(np.arange(256), (0.55, 0.48, 0.62)).astype(np.uint8)[:, None]
"""What a dot leaves of each color under it."""
PITCH = 0.034
"""From dot to dot, in image units."""


def paint_comic(drawing: DisplayList, width: int, height: int) -> Image:
    """Paint in few colors with halftone and heavy lines."""
    times = enlargement(height)
    dots = screen(width * times, height * times)
    image = printed_sky(drawing, dots)
    tone = np.zeros(dots.shape, np.uint8)
    pen = max(2, round(0.019 * height * times))
    for outline in outlines(drawing, width * times, height * times):
        if outline.shape.stroke > 0:
            trace(image, outline, BLACK, pen)
        lay(image, outline, ink(printed(outline.shape.color)))
        if opacity(outline) > 0.5:
            fill(tone, outline, 0, cv2.LINE_8)
        if modelled(outline) and outline.shape.material not in LAND:
            shade = shaded_edge(outline, drawing.light_from, min(0.38 * outline.size, 0.08 * outline.scale))
            np.copyto(outline.view(tone), 145, where=shade > 127)
        if outline.shape.stroke == 0:
            trace(image, outline, BLACK, pen)
    dotted = cv2.compare(tone, dots, cv2.CMP_GT)
    image = cv2.copyTo(cv2.LUT(image, SHADE), dotted, image)
    paper: Image = cv2.LUT(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), PAPER)
    return paper


def printed(color: Color) -> Color:
    """Return the nearest of the printer's colors."""
    hue, saturation, value = colorsys.rgb_to_hsv(*color)
    saturation = min((0.0, 0.3, 0.62, 0.95), key=lambda level: abs(level - min(1.45 * saturation, 1)))
    value = min((0.12, 0.3, 0.55, 0.8, 1.0), key=lambda level: abs(level - min(1.1 * value, 1)))
    return colorsys.hsv_to_rgb(round(hue * 18) / 18, saturation, value)


def printed_sky(drawing: DisplayList, dots: np.ndarray) -> Image:
    """Paint the sky as halftone dots.

    Dots of its highest color on its lowest grow toward the top.
    """
    height = len(dots)
    top, bottom = printed(drawing.sky[0][1]), printed(drawing.sky[-1][1])
    tone = np.interp(np.arange(height) / height, (0, max(drawing.sky[-1][0], 0.3)), (0.85, -0.1)).astype(np.float32)
    colors = np.array((ink(bottom), ink(mix(top, bottom, 0.3))), np.uint8)
    return np.take(colors, 255 * tone[:, None] > dots, axis=0)


@lru_cache(maxsize=4)
def screen(width: int, height: int) -> np.ndarray:
    """Return the halftone screen, (height, width) uint8.

    The tone above which each pixel takes ink, rotated by 45 degrees.
    """
    x = np.arange(width, dtype=np.float32) / height
    y = (np.arange(height, dtype=np.float32) / height)[:, None]
    turn = np.float32(2 * np.pi / PITCH / np.sqrt(2))
    return (127.5 + 63.75 * (np.cos((x + y) * turn) + np.cos((x - y) * turn))).astype(np.uint8)
