"""Image and palette types, and rounding to 8 bits or less."""

from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from sakuga.timeline.clip import Image as Image

Palette: TypeAlias = NDArray[np.uint8]
"""(colors, 3) RGB."""


def rounded(values: NDArray[np.float32]) -> Image:
    """Round and clip values to 0-255 uint8."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def unrounded(image: Image) -> Image:
    """Return an image in float32 grey levels, 0 to 255: finishing steps then do not round what they compute.

    Typed as an image, as they take and return both.
    """
    return cast(Image, image.astype(np.float32))


def is_unrounded(image: Image) -> bool:
    """Return whether an image is in float32 grey levels."""
    return image.dtype == np.float32


def rounded_like(image: Image, values: NDArray[Any]) -> Image:
    """Round and clip values to 0-255 uint8; only clip them where `image` is unrounded."""
    if is_unrounded(image):
        return unrounded(cast(Image, np.clip(values, 0, 255)))
    return values if values.dtype == np.uint8 else rounded(values)


def in_8_bits(image: Image) -> Image:
    """Round an image that is unrounded."""
    return rounded(image.astype(np.float32)) if is_unrounded(image) else image


def in_16_bits(image: Image) -> NDArray[np.uint16]:
    """Return an image in 0-65535 uint16; 255 becomes 65535."""
    deep: NDArray[np.uint16] = np.clip(np.rint(image.astype(np.float64) * 257), 0, 65535).astype(np.uint16)
    return deep
