"""Hints of ControlNets: what is computed from an image."""

import cv2
import numpy as np

from sakuga.finishing.image import Image
from sakuga.models.checkpoint import Checkpoint
from sakuga.rendering.depth import depth_function
from sakuga.story.controls import Hint

CANNY_THRESHOLDS = (100, 200)
"""Usual thresholds of edges for the published ControlNets (Zhang et al. 2023, appendix)."""
LINE_BLUR, FAINTEST_LINE, LINE_NOISE = 6.0, 16.0, 8.0


def hint_of(image: Image, hint: Hint, checkpoint: Checkpoint) -> np.ndarray:
    """Return the hint of an image, (height, width, 3) float32 from 0 to 1; depth may load the checkpoint's estimator."""
    match hint:
        case "image" | "ip-adapter":
            return np.asarray(image, dtype=np.float32) / np.float32(255)
        case "canny":
            return _grey(cv2.Canny(np.ascontiguousarray(image), *CANNY_THRESHOLDS).astype(np.float32) / 255)
        case "lineart":
            return _grey(line_art(image))
        case "scribble":
            return _grey(white_on_black(image))
        case "depth":
            return _grey(depth_function(checkpoint, "estimator")(image))
        case "luminance":
            return _grey(depth_function(checkpoint, "luminance")(image))


def line_art(image: Image) -> np.ndarray:
    """Return dark lines of an image, white on black, (height, width) from 0 to 1.

    A line is darker than its blurred surroundings in every channel; lines are scaled to their median, so that faint ones count, too.
    """
    pixels = image.astype(np.float32)
    darker = np.min(cv2.GaussianBlur(pixels, (0, 0), LINE_BLUR) - pixels, axis=2).clip(0, 255)
    lines = darker[darker > LINE_NOISE]
    scale = max(FAINTEST_LINE, float(np.median(lines)) if lines.size else 0.0)
    return np.asarray((darker / scale * 127 / 255).clip(0, 1), dtype=np.float32)


def white_on_black(drawing: Image) -> np.ndarray:
    """Return a drawing as white lines on black, (height, width) from 0 to 1; one on light paper is inverted."""
    grey = np.asarray(cv2.cvtColor(drawing, cv2.COLOR_RGB2GRAY), dtype=np.float32) / np.float32(255)
    return 1 - grey if float(np.median(grey)) > 0.5 else grey


def _grey(map: np.ndarray) -> np.ndarray:
    return np.repeat(np.asarray(map, dtype=np.float32)[:, :, None], 3, axis=2)
