"""The watercolor look: bleeding washes on rough paper."""

import cv2
import numpy as np

from sakuga.sketchbook.display_list import DisplayList
from sakuga.sketchbook.looks.raster import Image, lay, outlines, sky
from sakuga.sketchbook.looks.shading import noise

PAPER = np.array((0.99, 0.975, 0.94), np.float32)


def paint_watercolor(drawing: DisplayList, width: int, height: int) -> Image:
    """Paint pale washes that bleed and settle."""
    image = sky(drawing, width, height)
    for outline in outlines(drawing, width, height):
        lay(image, outline, outline.color)
    wet = run(image, drawing.seed)
    paint = wet.astype(np.float32) / 255
    dry: Image = cv2.convertScaleAbs(settle(washed(paint), drawing.seed), alpha=255)
    return dry


def washed(paint: np.ndarray) -> np.ndarray:
    """Make colors paler, the darks most."""
    grey = paint @ np.array((0.3, 0.59, 0.11), np.float32)
    thin: np.ndarray = 1 - 0.75 * (1 - (0.85 * paint + 0.15 * grey[..., None]))
    return thin


def run(image: Image, seed: int) -> Image:
    """Make edges wobble and bleed."""
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    wide, fine = 0.01 * height, 0.004 * height
    x += wide * noise(seed, width, height, 9.0) + fine * noise(seed + 1, width, height, 28.0)
    y += wide * noise(seed + 2, width, height, 9.0) + fine * noise(seed + 3, width, height, 28.0)
    moved = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    bled = cv2.GaussianBlur(moved, (0, 0), 0.016 * height)
    wetness = np.clip(0.1 + 0.4 * noise(seed + 4, width, height, 4.0), 0, 0.7)
    soaked: Image = cv2.blendLinear(bled, moved, wetness, 1 - wetness)
    return soaked


def settle(paint: np.ndarray, seed: int) -> np.ndarray:
    """Pool pigment along edges and in the grain.

    The sheet's rim stays white.
    """
    height, width = paint.shape[:2]
    pooled = np.minimum(paint - cv2.GaussianBlur(paint, (0, 0), 0.022 * height), 0)
    density = 1 - paint - 1.1 * pooled
    grain = noise(seed + 5, width, height, 60.0)
    clumps = 0.24 * noise(seed + 6, width, height, 5.0) + 0.13 * grain
    x = (np.arange(width, dtype=np.float32) + 0.5) / height
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    rim = np.minimum(np.minimum(x, width / height - x), np.minimum(y, 1 - y)[:, None])
    sheet = np.clip((rim + 0.012 * noise(seed + 7, width, height, 12.0) - 0.018) / 0.02, 0, 1)
    paper = PAPER * (1 + 0.022 * grain)[..., None]
    # Grain shows most in a thin wash; thick paint fills it.
    density *= 1 + clumps[..., None] * (1.1 - 0.8 * density)
    dry: np.ndarray = np.clip(paper * (1 - density * sheet[..., None]), 0, 1)
    return dry
