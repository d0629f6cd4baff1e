"""Find faces, and where the eye goes in a picture that has none."""

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sakuga.datasets.buckets import CENTRE, Box

LOOKED_AT = 512
"""Pixels of the longer side at which faces are looked for."""
SMALLEST = 0.1
"""A face is at least so large, as a share of the shorter side."""
Point = tuple[float, float]
"""In shares of width and height, from the top left."""


def find_faces(picture: NDArray[np.uint8]) -> list[Box]:
    """Find frontal faces in an RGB picture (height, width, 3), the largest first.

    A cascade of local binary patterns (Ahonen, Hadid and Pietikäinen 2006; the trained file is scikit-image's). It knows photographs and
    realistic paintings; drawn faces it mostly passes over, and a cat's now and then takes for one.
    """
    height, width = picture.shape[:2]
    scale = min(1.0, LOOKED_AT / max(height, width))
    small = np.asarray(Image.fromarray(picture).resize((max(1, round(width * scale)), max(1, round(height * scale)))))
    shorter = min(small.shape[:2])
    least = max(24, round(SMALLEST * shorter))
    if shorter < least:
        return []
    found = _cascade().detect_multi_scale(small, scale_factor=1.2, step_ratio=1, min_size=(least, least), max_size=(shorter, shorter))
    boxes = [_box(face, scale, width, height) for face in found]
    return _without_doubles(sorted(boxes, key=lambda box: (-box.width * box.height, box.left, box.top)))


def _without_doubles(boxes: list[Box]) -> list[Box]:
    """Leave out what lies with its middle in a larger one: it is the same face, found again."""
    kept: list[Box] = []
    for box in boxes:
        x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
        if not any(other.left <= x <= other.right and other.top <= y <= other.bottom for other in kept):
            kept.append(box)
    return kept


def _box(face: dict[str, int], scale: float, width: int, height: int) -> Box:
    left, top = round(face["c"] / scale), round(face["r"] / scale)
    right, bottom = left + round(face["width"] / scale), top + round(face["height"] / scale)
    return Box(left=left, top=top, right=min(width, right), bottom=min(height, bottom))


@cache
def _cascade() -> Any:
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())


def focus_of_face(face: Box, width: int, height: int) -> Point:
    """Return the point to cut around for a face: half a face below its middle, so that the shoulders stay in."""
    return (face.left + face.right) / 2 / width, min(1.0, face.bottom / height)


def focus_of_detail(picture: NDArray[np.uint8]) -> Point:
    """Return the middle of what is drawn finely in a picture (height, width, 3): the mean place of its edges."""
    height, width = picture.shape[:2]
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), max(1.0, max(height, width) / 256))
    edges = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    total = float(edges.sum(dtype=np.float64))
    if total < 1e-6 * edges.size:
        return CENTRE
    places = [(np.arange(size) + 0.5) / size for size in (width, height)]
    return float(edges.sum(0, dtype=np.float64) @ places[0] / total), float(edges.sum(1, dtype=np.float64) @ places[1] / total)
