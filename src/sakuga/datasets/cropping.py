"""Cropping images to bucket sizes, and previews of what is lost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as PILImage

from sakuga.datasets.buckets import CENTER, Box, Bucket, Focus, crop_box, nearest_bucket
from sakuga.datasets.faces import Point, detail_focus, face_focus, find_faces
from sakuga.timeline.clip import Image

DIMMED, FRAME = 0.35, (255, 214, 64)
"""Brightness of the cropped-off area in previews, and the RGB color of the crop's frame."""
BACKGROUND = 24
"""Gray level around a preview."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """How an image is cropped and resized to its bucket."""

    box: Box
    bucket: Bucket
    lost: float
    """The share of the area that is cropped off, 0 to 1."""
    enlarged: float
    """The scale factor per side; below 1 it shrinks."""
    faces: tuple[Box, ...] = ()

    @property
    def keeps_faces(self) -> bool:
        """Return whether every detected face is completely inside the crop."""
        box = self.box
        within = (box.left <= f.left and box.top <= f.top and f.right <= box.right and f.bottom <= box.bottom for f in self.faces)
        return all(within)


def plan_crop(image: Image, sizes: Sequence[Bucket], focus: Focus = "face") -> Crop:
    """Choose an image's bucket and crop."""
    height, width = image.shape[:2]
    bucket = nearest_bucket(width, height, sizes)
    point, faces = find_focus(image, bucket, focus)
    box = crop_box(width, height, bucket, point)
    return Crop(box=box, bucket=bucket, lost=1 - box.share_of(width, height), enlarged=bucket[0] / box.width, faces=faces)


def find_focus(image: Image, bucket: Bucket, focus: Focus) -> tuple[Point, tuple[Box, ...]]:
    """Return what a crop to a bucket is centered on, and the faces; the middle where nothing is cropped off."""
    height, width = image.shape[:2]
    if focus == "centre" or crop_box(width, height, bucket).share_of(width, height) == 1:
        return CENTER, ()
    faces = tuple(find_faces(image))
    return face_focus(faces[0], width, height) if faces else detail_focus(image), faces


def apply_crop(image: Image, crop: Crop) -> Image:
    """Crop an image and resize it to its bucket (Lanczos)."""
    box = crop.box
    part = np.ascontiguousarray(image[box.top : box.bottom, box.left : box.right])
    if part.shape[1::-1] == crop.bucket:
        return part
    return np.asarray(PILImage.fromarray(part).resize(crop.bucket, PILImage.Resampling.LANCZOS))


def crop_preview(image: Image, crop: Crop, side: int) -> Image:
    """Draw a preview of a crop, (side, side, 3).

    The cropped-off area is dimmed, and the crop framed.
    """
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(PILImage.fromarray(image).resize(size, PILImage.Resampling.LANCZOS)).copy()
    left, right = (round(edge * scale) for edge in (crop.box.left, crop.box.right))
    top, bottom = (round(edge * scale) for edge in (crop.box.top, crop.box.bottom))
    shown = (small * DIMMED).astype(np.uint8)
    shown[top:bottom, left:right] = small[top:bottom, left:right]
    if crop.lost > 0:
        for rows, columns in (
            (slice(top, top + 1), slice(left, right)),
            (slice(bottom - 1, bottom), slice(left, right)),
            (slice(top, bottom), slice(left, left + 1)),
            (slice(top, bottom), slice(right - 1, right)),
        ):
            shown[rows, columns] = FRAME
    square = np.full((side, side, 3), BACKGROUND, np.uint8)
    x, y = (side - size[0]) // 2, (side - size[1]) // 2
    square[y : y + size[1], x : x + size[0]] = shown
    return square
