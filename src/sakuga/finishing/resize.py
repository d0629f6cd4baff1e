"""Image resizing: a learned upscaler doubles, Lanczos does the rest."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from PIL import Image as PILImage

from sakuga.finishing.image import Image, is_unrounded, rounded_like

Upscale2x: TypeAlias = Callable[[Image], Image]
"""A learned upscaler: (height, width, 3) in, (2 height, 2 width, 3) out."""


def enlarge(image: Image, width: int, height: int, upscale2x: Upscale2x | None = None) -> Image:
    """Resize and center-crop an image to a size.

    The aspect ratio is kept.
    With `upscale2x` the image is doubled until it covers the size (never for less than an eighth more), then resampled with Lanczos.
    """
    while upscale2x and _scale(image, width, height) > 1.125:
        image = upscale2x(image)
    if image.shape[:2] == (height, width):
        return image
    scale = _scale(image, width, height)
    crop_width, crop_height = width / scale, height / scale
    left, top = (image.shape[1] - crop_width) / 2, (image.shape[0] - crop_height) / 2
    box = (left, top, left + crop_width, top + crop_height)
    return _resampled(image, (width, height), box)


def _resampled(image: Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image:
    """Resample by Lanczos, channel by channel where the image is unrounded."""
    if not is_unrounded(image):
        return np.asarray(PILImage.fromarray(image).resize(size, PILImage.Resampling.LANCZOS, box=box))
    planes = [PILImage.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(image, -1, 0)]
    resized = [np.asarray(plane.resize(size, PILImage.Resampling.LANCZOS, box=box)) for plane in planes]
    return rounded_like(image, np.stack(resized, axis=-1))


def _scale(image: Image, width: int, height: int) -> float:
    """Return the scale at which an image covers the size."""
    picture_height, picture_width = image.shape[:2]
    return max(width / int(picture_width), height / int(picture_height))


def fit_within(image: Image, side: int) -> Image:
    """Shrink an image so that no side exceeds `side` pixels.

    Smaller images are unchanged.
    """
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(PILImage.fromarray(image).resize(size, PILImage.Resampling.LANCZOS))
