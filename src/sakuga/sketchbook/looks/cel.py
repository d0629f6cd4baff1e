"""The cel look: a crisp ink line, a flat light and a flat shade, and a sky in bands."""

import cv2
import numpy as np

from sakuga.sketchbook.looks.raster import BITS, Ink, Outline, Picture, blend, ink, lay, opacity, outlines, sky_column
from sakuga.sketchbook.looks.shade import LAND, mix, modelled, toned, turned
from sakuga.sketchbook.shapes import Colour, Drawing

DARK: Colour = (0.07, 0.05, 0.13)
BANDS = 5


def enlargement(height: int) -> int:
    """Return how many times larger to draw, so that a line may be finer than a pixel."""
    return 2 if height < 256 else 1


def paint_cel(drawing: Drawing, width: int, height: int) -> Picture:
    """Paint in two tones with a thin dark line."""
    times = enlargement(height)
    picture = banded_sky(drawing, width * times, height * times)
    pen = max(1, round(0.0095 * height * times))
    for outline in outlines(drawing, width * times, height * times):
        colour = toned(outline.shape.colour, saturation=1.3, value=1.04)
        line = ink(mix(colour, DARK, 0.85))
        if outline.shape.stroke > 0:
            trace(picture, outline, line, pen)
        lay(picture, outline, ink(colour))
        if modelled(outline) and outline.shape.material not in LAND:
            shaded(picture, outline, drawing, colour)
        if outline.shape.stroke == 0:
            trace(picture, outline, line, pen)
    small: Picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return small


def shaded(picture: Picture, outline: Outline, drawing: Drawing, colour: Colour) -> None:
    """Lay the hard shadow on the side away from the light, in place."""
    reach = min(0.3 * outline.size, 0.06 * outline.scale)
    shade = mix(toned(colour, saturation=1.25, value=0.68), (0.2, 0.15, 0.45), 0.15)
    weight = turned(outline, drawing.light_from, reach) * np.float32(opacity(outline) / 255)
    blend(outline.view(picture), ink(shade), weight)


def trace(picture: Picture, outline: Outline, line: Ink, pen: int) -> None:
    """Draw the ink line around a shape that wants one in place; land and small things have a finer one."""
    shape = outline.shape
    pen = pen // 2 if shape.material in LAND else min(pen, int(outline.size / 5))
    if not shape.ink or shape.alpha < 0.6 or shape.soft * outline.scale > pen:
        return
    if shape.stroke > 0:
        if shape.stroke * outline.scale >= 2 * pen:
            cv2.polylines(picture, [outline.path], False, line, round(shape.stroke * outline.scale) + 2 * pen, cv2.LINE_AA, BITS)
    elif outline.size >= 0.03 * outline.scale:
        cv2.polylines(picture, [outline.path], True, line, max(pen, 1), cv2.LINE_AA, BITS)


def banded_sky(drawing: Drawing, width: int, height: int) -> Picture:
    """Paint the sky in a few flat bands with gently waving edges."""
    column = sky_column(drawing, height)[:, 0]
    end = max(drawing.sky[-1][0], 0.3)
    middles = (np.arange(BANDS) + 0.5) / BANDS * end
    tones = column[np.minimum(middles * height, height - 1).astype(int)].round().astype(np.uint8)
    x, y = np.arange(width) / height, np.arange(height) / height
    wave = 0.018 * np.sin(7 * x + drawing.seed % 7) + 0.01 * np.sin(17 * x)
    band = np.clip((y[:, None] + wave) / end * BANDS, 0, BANDS - 1).astype(np.uint8)
    return np.take(tones, band, axis=0)
