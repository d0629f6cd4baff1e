"""The pixel look: large cells, small palette, ordered dither."""

import cv2
import numpy as np

from sakuga.sketchbook.display_list import DisplayList
from sakuga.sketchbook.looks.raster import Image, fill, lay, opacity, outlines, sky

COLORS = 24
BAYER = np.array(((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5)), np.float32) / 16 - 0.47
"""Ordered dither (Bayer 1973), 4 by 4."""


def paint_pixel(drawing: DisplayList, width: int, height: int) -> Image:
    """Paint one palette color per cell.

    32 to 64 cells high.
    """
    cell = max(2, round(height / 60))
    columns, rows = -(-width // cell), -(-height // cell)
    image = sky(drawing, columns, rows)
    airy = np.ones((rows, columns), np.uint8)
    for outline in outlines(drawing, columns, rows):
        lay(image, outline, outline.color, cv2.LINE_8)
        if outline.shape.material not in ("cloud", "mist", "fall") and opacity(outline) > 0.5:
            fill(airy, outline, 0, cv2.LINE_8)
    pattern = np.tile(BAYER, (rows // 4 + 1, columns // 4 + 1))[:rows, :columns]
    pixels = vivid(image)
    dithered = pixels + 30 * (pattern * airy).reshape(-1, 1)
    cells = nearest(dithered, palette(pixels)).reshape(image.shape)
    return np.ascontiguousarray(cells.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width])


def vivid(image: Image) -> np.ndarray:
    """Raise saturation, (pixels, 3) float32."""
    pixels = image.reshape(-1, 3).astype(np.float32)
    grey = pixels.mean(axis=1, keepdims=True)
    strong: np.ndarray = (grey + 1.3 * (pixels - grey)).clip(0, 255)
    return strong


def palette(pixels: np.ndarray) -> np.ndarray:
    """Choose the image's palette, (at most COLORS, 3).

    Each next color is common and unlike those chosen before.

    Every part has only sixteen steps, as on an old machine.
    """
    steps = (pixels / 17).round().astype(np.int32) @ np.array((256, 16, 1), np.int32)
    values, counts = np.unique(steps, return_counts=True)
    colors = np.stack((values >> 8, values >> 4 & 15, values & 15), axis=-1).astype(np.float32) * 17
    weight = np.sqrt(counts)
    apart = np.full(len(colors), np.inf)
    chosen = [int(weight.argmax())]
    while len(chosen) < min(COLORS, len(colors)):
        apart = np.minimum(apart, ((colors - colors[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int((weight * apart).argmax()))
    return colors[chosen]


def nearest(pixels: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Replace pixels by the nearest palette color, uint8."""
    distance = (colors**2).sum(axis=1) - 2 * pixels.astype(np.float32) @ colors.T
    cells: Image = np.take(colors.astype(np.uint8), distance.argmin(axis=1), axis=0)
    return cells
