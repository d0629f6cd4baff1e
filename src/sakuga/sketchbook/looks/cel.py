"""The cel look: ink lines, two tones, banded sky."""

import cv2
import numpy as np

from sakuga.sketchbook.display_list import Color, DisplayList
from sakuga.sketchbook.looks.raster import BITS, Image, Ink, Outline, blend, ink, lay, opacity, outlines, sky_column
from sakuga.sketchbook.looks.shading import LAND, mix, modelled, shaded_edge, toned

DARK: Color = (0.07, 0.05, 0.13)
BANDS = 5


def enlargement(height: int) -> int:
    """Return the supersampling factor for thin lines."""
    return 2 if height < 256 else 1


def paint_cel(drawing: DisplayList, width: int, height: int) -> Image:
    """Paint in two tones with thin dark lines."""
    times = enlargement(height)
    image = banded_sky(drawing, width * times, height * times)
    pen = max(1, round(0.0095 * height * times))
    for outline in outlines(drawing, width * times, height * times):
        color = toned(outline.shape.color, saturation=1.3, value=1.04)
        line = ink(mix(color, DARK, 0.85))
        if outline.shape.stroke > 0:
            trace(image, outline, line, pen)
        lay(image, outline, ink(color))
        if modelled(outline) and outline.shape.material not in LAND:
            shaded(image, outline, drawing, color)
        if outline.shape.stroke == 0:
            trace(image, outline, line, pen)
    small: Image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return small


def shaded(image: Image, outline: Outline, drawing: DisplayList, color: Color) -> None:
    """Add the hard shadow away from the light, in place."""
    reach = min(0.3 * outline.size, 0.06 * outline.scale)
    shade = mix(toned(color, saturation=1.25, value=0.68), (0.2, 0.15, 0.45), 0.15)
    weight = shaded_edge(outline, drawing.light_from, reach) * np.float32(opacity(outline) / 255)
    blend(outline.view(image), ink(shade), weight)


def trace(image: Image, outline: Outline, line: Ink, pen: int) -> None:
    """Draw a shape's ink line in place.

    Land and small things have a finer one.
    """
    shape = outline.shape
    pen = pen // 2 if shape.material in LAND else min(pen, int(outline.size / 5))
    if not shape.ink or shape.alpha < 0.6 or shape.soft * outline.scale > pen:
        return
    if shape.stroke > 0:
        if shape.stroke * outline.scale >= 2 * pen:
            cv2.polylines(image, [outline.path], False, line, round(shape.stroke * outline.scale) + 2 * pen, cv2.LINE_AA, BITS)
    elif outline.size >= 0.03 * outline.scale:
        cv2.polylines(image, [outline.path], True, line, max(pen, 1), cv2.LINE_AA, BITS)


def banded_sky(drawing: DisplayList, width: int, height: int) -> Image:
    """Paint the sky in a few wavy bands."""
    column = sky_column(drawing, height)[:, 0]
    end = max(drawing.sky[-1][0], 0.3)
    middles = (np.arange(BANDS) + 0.5) / BANDS * end
    tones = column[np.minimum(middles * height, height - 1).astype(int)].round().astype(np.uint8)
    x, y = np.arange(width) / height, np.arange(height) / height
    wave = 0.018 * np.sin(7 * x + drawing.seed % 7) + 0.01 * np.sin(17 * x)
    band = np.clip((y[:, None] + wave) / end * BANDS, 0, BANDS - 1).astype(np.uint8)
    return np.take(tones, band, axis=0)
