"""Depth of an image, for parallax and depth control."""

from collections.abc import Callable

import cv2
import numpy as np

from sakuga.models.checkpoint import Checkpoint
from sakuga.timeline.spec import Depth


def depth_function(checkpoint: Checkpoint, depth: Depth) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from an image to its depth map.

    It takes (height, width, 3) uint8 RGB and returns (height, width) float32: 0.0 far, 1.0 near.
    """
    match depth:
        case "estimator":
            return checkpoint.depth_estimator
        case "luminance":
            return luminance_depth
        case "map":
            return read_depth_map


def luminance_depth(image: np.ndarray) -> np.ndarray:
    """Return brightness as depth, stretched to 0.0 to 1.0.

    A uniform image is all far.
    """
    grey = read_depth_map(image)
    least, most = float(grey.min()), float(grey.max())
    return (grey - least) / (most - least) if most > least else np.zeros_like(grey)


def read_depth_map(image: np.ndarray) -> np.ndarray:
    """Read an image that is a depth map itself: white is near."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.float32) / np.float32(255)
