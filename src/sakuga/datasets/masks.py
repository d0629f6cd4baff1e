"""Masks of training images: where the loss counts, in the alpha channel of a set's images."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from sakuga.datasets.image_reading import decode_frame, open_image
from sakuga.datasets.training_set import SetError
from sakuga.timeline.clip import Image

Mask: TypeAlias = NDArray[np.uint8]
"""(height, width), 255 where the loss counts."""
ENDINGS = ("-masklabel", "-mask", ".mask", "_mask")
"""What the names of mask images end with, before the suffix; the first is OneTrainer's."""
LEAST = 8
"""Grey levels up to which a whole mask counts as black."""
RATIO = 0.02
"""How much the aspect ratios of image and mask may differ."""


def mask_stem(stem: str) -> str | None:
    """Return the stem of the image that a mask is for; None for another image.

    >>> mask_stem("girl-masklabel"), mask_stem("girl")
    ('girl', None)
    """
    return next((stem.removesuffix(ending) for ending in ENDINGS if stem.endswith(ending) and stem != ending), None)


def read_masked(path: Path) -> tuple[Image, Mask]:
    """Read an image of a set with masks: colours (h, w, 3), unchanged under transparency, and the mask (h, w), 255 within.

    Raises ImageError.
    """
    with open_image(path) as image:
        whole = np.array(image.convert("RGBA"))
    return np.ascontiguousarray(whole[..., :3]), np.ascontiguousarray(whole[..., 3])


def read_mask(path: Path, size: tuple[int, int]) -> Mask:
    """Read a mask image for an image of `size` (width, height): white is trained on.

    A mask of another size is scaled. Raises SetError where its shape differs or it is black, and ImageError.
    """
    with open_image(path) as image:
        grey = PILImage.fromarray(decode_frame(image, path, [])).convert("L")
    (width, height), (own_width, own_height) = size, grey.size
    if abs(own_width * height / (own_height * width) - 1) > RATIO:
        raise SetError(f"{path} is {own_width}x{own_height} and its image {width}x{height}: make the mask in the shape of the image")
    return checked_mask(np.array(grey.resize(size, PILImage.Resampling.BILINEAR)), path)


def alpha_mask(path: Path) -> tuple[Image, Mask]:
    """Read an image and its alpha channel as its mask; raises ImageError, and SetError where it is black or there is none."""
    with open_image(path) as opened:
        transparent = opened.has_transparency_data
    if not transparent:
        raise SetError(f"{path} has no alpha channel to take its mask from: leave --alpha-masks out, or put a mask beside it")
    image, mask = read_masked(path)
    return image, checked_mask(mask, path)


def checked_mask(mask: Mask, path: Path) -> Mask:
    """Return a mask; raises SetError where it is all black, as nothing would be trained on."""
    if mask.max() <= LEAST:
        raise SetError(f"the mask of {path} is all black, so nothing of the image would be trained on: paint what counts white")
    return mask


def with_mask(image: Image, mask: Mask | None) -> Image:
    """Return colours with a mask as their alpha channel, (h, w, 4); without a mask all counts."""
    alpha = np.full(image.shape[:2], 255, np.uint8) if mask is None else mask
    return np.dstack([image, alpha])
