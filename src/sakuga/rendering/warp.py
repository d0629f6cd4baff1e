"""The camera: a picture is moved before it is redrawn."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from sakuga.rendering.parallax import seen_in_depth
from sakuga.timeline.spec import Warp


def warped(picture: np.ndarray, warp: Warp, depth: Callable[[np.ndarray], np.ndarray] | None = None) -> np.ndarray:
    """Show what the camera sees after its move: zoom about the middle, turn, then pan; edges are mirrored, never black.

    The camera's way right moves the picture left. `depth` reads a picture's depth; a warp with parallax needs it.
    Returns a picture of the same size; no move returns the same values.
    """
    if replace(warp, parallax=None) == Warp():
        return picture
    if warp.parallax and warp.parallax.share:
        assert depth
        return seen_in_depth(picture, depth(picture), warp)
    height, width = picture.shape[:2]
    middle = ((width - 1) / 2, (height - 1) / 2)
    moves = cv2.getRotationMatrix2D(middle, warp.rotate, warp.zoom)  # positive angles turn the picture against the clock
    moves[:, 2] -= (warp.pan[0] * width, warp.pan[1] * height)
    return np.asarray(cv2.warpAffine(picture, moves, (width, height), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101))


def fitted(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Scale a picture to cover a size and cut off what hangs over, evenly on both sides."""
    high, wide = picture.shape[:2]
    if (wide, high) == (width, height):
        return picture
    scale = max(width / wide, height / high)
    covering = (max(width, round(wide * scale)), max(height, round(high * scale)))
    resized = cv2.resize(picture, covering, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (covering[0] - width) // 2, (covering[1] - height) // 2
    return np.ascontiguousarray(resized[top : top + height, left : left + width])
