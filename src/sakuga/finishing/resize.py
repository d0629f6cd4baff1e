"""Whole-picture enlargement: the learned upscaler doubles, Lanczos does the rest."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from PIL import Image

from sakuga.finishing.image import Picture

Doubler: TypeAlias = Callable[[Picture], Picture]
"""A learned upscaler: (height, width, 3) in, (2 height, 2 width, 3) out."""


def enlarge(picture: Picture, width: int, height: int, upscale2x: Doubler | None = None) -> Picture:
    """Bring a picture to a size without squashing it: what another aspect leaves over is cropped, alike on both sides.

    The picture is doubled until it covers the size (never for less than an eighth more), then resampled with Lanczos.
    """
    while upscale2x and _scale(picture, width, height) > 1.125:
        picture = upscale2x(picture)
    if picture.shape[:2] == (height, width):
        return picture
    scale = _scale(picture, width, height)
    crop_width, crop_height = width / scale, height / scale
    left, top = (picture.shape[1] - crop_width) / 2, (picture.shape[0] - crop_height) / 2
    box = (left, top, left + crop_width, top + crop_height)
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS, box=box))


def _scale(picture: Picture, width: int, height: int) -> float:
    """How much larger the picture must be to cover the size."""
    picture_height, picture_width = picture.shape[:2]
    return max(width / int(picture_width), height / int(picture_height))


def within(picture: Picture, side: int) -> Picture:
    """Make a picture small enough that neither side is longer than `side`; a smaller one stays as it is."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
