"""Face detection, and a focus point for images without faces."""

from functools import cache
from typing import Any

import cv2
import numpy as np
from PIL import Image as PILImage

from sakuga.datasets.buckets import CENTER, Box
from sakuga.timeline.clip import Image

DETECTION_SIDE = 512
"""Longer side in pixels at which faces are detected."""
SMALLEST = 0.1
"""The smallest face, as a share of the shorter side."""
Point = tuple[float, float]
"""In shares of width and height, from the top left."""


def find_faces(image: Image) -> list[Box]:
    """Detect frontal faces in an RGB image, the largest first.

    A cascade of local binary patterns (Ahonen, Hadid and Pietikäinen 2006; scikit-image's trained file). It works on photographs and
    realistic paintings, misses most drawn faces, and takes a cat's face for one now and then.
    """
    height, width = image.shape[:2]
    scale = min(1.0, DETECTION_SIDE / max(height, width))
    small = np.asarray(PILImage.fromarray(image).resize((max(1, round(width * scale)), max(1, round(height * scale)))))
    shorter = min(small.shape[:2])
    least = max(24, round(SMALLEST * shorter))
    if shorter < least:
        return []
    found = _cascade().detect_multi_scale(small, scale_factor=1.2, step_ratio=1, min_size=(least, least), max_size=(shorter, shorter))
    boxes = [_box(face, scale, width, height) for face in found]
    return _without_doubles(sorted(boxes, key=lambda box: (-box.width * box.height, box.left, box.top)))


def _without_doubles(boxes: list[Box]) -> list[Box]:
    """Drop boxes whose center lies in a larger one."""
    distinct: list[Box] = []
    for box in boxes:
        x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
        if not any(other.left <= x <= other.right and other.top <= y <= other.bottom for other in distinct):
            distinct.append(box)
    return distinct


def _box(face: dict[str, int], scale: float, width: int, height: int) -> Box:
    left, top = round(face["c"] / scale), round(face["r"] / scale)
    right, bottom = left + round(face["width"] / scale), top + round(face["height"] / scale)
    return Box(left=left, top=top, right=min(width, right), bottom=min(height, bottom))


@cache
def _cascade() -> Any:
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())


def face_focus(face: Box, width: int, height: int) -> Point:
    """Return the crop's focus for a face.

    Half a face below its center, so that the shoulders stay in.
    """
    return (face.left + face.right) / 2 / width, min(1.0, face.bottom / height)


def detail_focus(image: Image) -> Point:
    """Return the focus of an image without faces.

    The mean position of its edges.
    """
    height, width = image.shape[:2]
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), max(1.0, max(height, width) / 256))
    edges = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    total = float(edges.sum(dtype=np.float64))
    if total < 1e-6 * edges.size:
        return CENTER
    places = [(np.arange(size) + 0.5) / size for size in (width, height)]
    return float(edges.sum(0, dtype=np.float64) @ places[0] / total), float(edges.sum(1, dtype=np.float64) @ places[1] / total)
