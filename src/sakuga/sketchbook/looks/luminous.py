"""The luminous look: deep colors, bloom and light shafts."""

import cv2
import numpy as np

from sakuga.sketchbook.display_list import Color, DisplayList
from sakuga.sketchbook.looks.raster import Image, Outline, blend, coverage, fill, ink, lay, opacity, outlines, sky
from sakuga.sketchbook.looks.shading import luminance, mix, modelled, shaded_edge, toned

ROWS = 64
"""Rows on which light in the air is computed, whatever the image's size."""
_STEPS = np.arange(256) / 255
CONTRAST = (0.45 * _STEPS + 0.55 * _STEPS**2 * (3 - 2 * _STEPS)).astype(np.float32)
"""Half a line and half a smooth step."""
VIOLET, GREY, SATURATION = (0.045, 0.015, 0.11), (0.3, 0.59, 0.11), 1.25
GRADE = np.column_stack((0.95 * (SATURATION * np.eye(3) + np.outer(np.ones(3), GREY) * (1 - SATURATION)) - np.outer(VIOLET, GREY), VIOLET))
"""(3, 4): more of each color's distance from grey, and violet where it is dark."""


def paint_luminous(drawing: DisplayList, width: int, height: int) -> Image:
    """Paint gradients and lit rims, then light in the air."""
    image = sky(drawing, width, height)
    for outline in outlines(drawing, width, height):
        color = toned(outline.shape.color, saturation=1.12)
        lay(image, outline, ink(color))
        if modelled(outline):
            deepen(image, outline, drawing, color)
    paint = graded(image).clip(0, 1)
    air = cv2.resize(light_in_the_air(drawing, round(ROWS * width / height)), (width, height), interpolation=cv2.INTER_CUBIC)
    lit = 1 - (1 - paint) * (1 - np.clip(air, 0, 1))
    finished: Image = cv2.convertScaleAbs(lit, alpha=255)
    return finished


def deepen(image: Image, outline: Outline, drawing: DisplayList, color: Color) -> None:
    """Shade a shape toward its foot and light its rim, in place."""
    view, mask = outline.view(image), coverage(outline) * np.float32(opacity(outline) / 255)
    shade = mix(toned(color, saturation=1.2, value=0.5), (0.1, 0.08, 0.35), 0.35)
    ends = outline.path[:, 1].min() / 16, min(outline.path[:, 1].max() / 16, image.shape[0])
    ramp = np.interp(np.arange(outline.top, outline.bottom), ends, (0.0, 0.6)).astype(np.float32)
    blend(view, ink(shade), mask * ramp[:, None])
    rim = shaded_edge(outline, drawing.light_from, -max(0.011 * outline.scale, 1.0)) * np.float32(0.65 * opacity(outline) / 255)
    blend(view, ink(mix(color, drawing.light, 0.75)), rim)


def graded(image: Image) -> np.ndarray:
    """Raise contrast and saturation, and cool the darks.

    (height, width, 3) float32, about 0..1.
    """
    rich: np.ndarray = cv2.transform(cv2.LUT(image, CONTRAST), GRADE)
    return rich


def light_in_the_air(drawing: DisplayList, width: int) -> np.ndarray:
    """Return bloom and shafts, (ROWS, width, 3) float32.

    They are screened over the image.
    """
    shining = np.zeros((ROWS, width, 4), np.uint8)
    shining[..., 3] = 255  # the fourth part is how open the air is: nothing solid is there
    for outline in outlines(drawing, width, ROWS):
        shape = outline.shape
        if shape.alpha >= 0.5 or shape.glow > 0.3:
            red, green, blue = ink(toned(shape.color, value=min(shape.glow, 1)))
            openness = {"light": 255, "cloud": 150, "mist": 200, "fall": 200}.get(shape.material, 0)
            fill(shining, outline, (red, green, blue, openness), cv2.LINE_AA)  # type: ignore[arg-type]
    bloom = np.zeros((ROWS, width, 3), np.float32)
    source = shining[..., :3].astype(np.float32) / 255
    for spread, share in ((1.5, 0.3), (5.0, 0.45), (12.0, 0.8)):
        bloom += share * cv2.GaussianBlur(source, (0, 0), spread)
    daylight = max(luminance(color) for _, color in drawing.sky)
    light: np.ndarray = (bloom + shafts(drawing, shining[..., 3].astype(np.float32) / 255)) * np.float32(0.35 + 0.65 * daylight)
    return light


def shafts(drawing: DisplayList, open_air: np.ndarray) -> np.ndarray:
    """Smear open air away from the light.

    Light scattering as a post-process (Mitchell, GPU Gems 3, chapter 13).
    """
    height, width = open_air.shape
    x, y = (part * height for part in drawing.light_from)
    across = np.arange(width, dtype=np.float32) - np.float32(x)
    down = np.arange(height, dtype=np.float32)[:, None] - np.float32(y)
    distance = np.sqrt(across**2 + down**2) / height
    angle = np.arctan2(down, across)
    rays = 0.62 + 0.25 * np.cos(9 * angle + drawing.seed % 6) + 0.2 * np.cos(22 * angle + drawing.seed % 5) + 0.1 * np.cos(37 * angle)
    smeared = open_air * np.exp(-1.1 * distance)
    for step in (0.04, 0.08, 0.16, 0.32):
        # Each pixel takes from a point nearer to the light, twice as far at every pass.
        toward = np.array(((1 / (1 - step), 0, x - x / (1 - step)), (0, 1 / (1 - step), y - y / (1 - step))))
        smeared = 0.5 * smeared + 0.5 * cv2.warpAffine(smeared, toward, (width, height), borderMode=cv2.BORDER_REPLICATE)
    glow = smeared * (0.35 * np.clip(rays, 0, 1) + 0.5 * np.exp(-5 * distance))
    beams: np.ndarray = glow[..., None] * np.array(drawing.light, np.float32) * np.float32(0.4 + 0.6 * luminance(drawing.light))
    return beams
