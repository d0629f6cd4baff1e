"""How near things are in a picture: what parallax and control go by."""

from collections.abc import Callable

import cv2
import numpy as np

from sakuga.models.checkpoint import Checkpoint
from sakuga.timeline.spec import Depth


def depth_reader(checkpoint: Checkpoint, depth: Depth) -> Callable[[np.ndarray], np.ndarray]:
    """Return what reads a picture, (height, width, 3) uint8 RGB, as (height, width) float32: 0.0 far, 1.0 near."""
    match depth:
        case "estimator":
            return checkpoint.depth_estimator
        case "luminance":
            return luminance
        case "map":
            return painted


def luminance(picture: np.ndarray) -> np.ndarray:
    """Take brightness for nearness, spread from 0.0 to 1.0: a stand-in where there is no estimator; an even picture is all far."""
    grey = painted(picture)
    least, most = float(grey.min()), float(grey.max())
    return (grey - least) / (most - least) if most > least else np.zeros_like(grey)


def painted(picture: np.ndarray) -> np.ndarray:
    """Read a depth map that was painted or rendered: white is near."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.float32) / np.float32(255)
