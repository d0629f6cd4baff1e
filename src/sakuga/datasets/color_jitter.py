"""Random changes of an image's colors."""

from collections.abc import Sequence

import numpy as np
from PIL import Image as PILImage
from PIL import ImageEnhance

from sakuga.timeline.clip import Image

CHANGES = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


def jitter_colors(image: Image, share: float, random: Sequence[float]) -> Image:
    """Change brightness, contrast and saturation of an image, (h, w, 3) uint8.

    `random` has a number in 0 to 1 for each of them: 0.5 changes nothing, 0 takes the `share` away, 1 adds it.
    """
    changed = PILImage.fromarray(image)
    for change, number in zip(CHANGES, random, strict=True):
        changed = change(changed).enhance(1 + share * (2 * number - 1))
    return np.array(changed)
