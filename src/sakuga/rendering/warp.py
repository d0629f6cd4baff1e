"""Camera moves of an image before img2img."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from sakuga.rendering.parallax import warp_with_parallax
from sakuga.timeline.spec import Warp


def warp_image(image: np.ndarray, warp: Warp, depth: Callable[[np.ndarray], np.ndarray] | None = None) -> np.ndarray:
    """Apply a camera move to an image.

    Zoom about the centre, then rotation, then pan; edges are mirrored.
    A camera that pans right moves the image left. `depth` returns an image's depth map; a warp with parallax needs it.
    Returns an image of the same size; without a move the same values.
    """
    if replace(warp, parallax=None) == Warp():
        return image
    if warp.parallax and warp.parallax.share:
        assert depth
        return warp_with_parallax(image, depth(image), warp)
    height, width = image.shape[:2]
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, warp.rotate, warp.zoom)  # positive angles turn the image anticlockwise
    matrix[:, 2] -= (warp.pan[0] * width, warp.pan[1] * height)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101))


def fit_image(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Scale an image to cover a size and crop its centre."""
    high, wide = image.shape[:2]
    if (wide, high) == (width, height):
        return image
    scale = max(width / wide, height / high)
    covering = (max(width, round(wide * scale)), max(height, round(high * scale)))
    resized = cv2.resize(image, covering, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (covering[0] - width) // 2, (covering[1] - height) // 2
    return np.ascontiguousarray(resized[top : top + height, left : left + width])
