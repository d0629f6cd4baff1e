"""Checks for black, uniform and non-finite frames."""

import numpy as np

from sakuga import SakugaError

BLACK = 4 / 255
"""An image with no value above this is black."""
FLAT = 1 / 255
"""An image with a standard deviation below this in every channel is uniform."""


class RenderError(SakugaError):
    """A frame cannot be rendered; the sentence names it and says why."""


def find_fault(image: np.ndarray) -> str | None:
    """Return what is wrong with an image, or None.

    The image is (height, width, 3) float from 0 to 1.
    """
    if not np.isfinite(image).all():
        return "not a number"
    if image.max() <= BLACK:
        return "black"
    if image.std(axis=(0, 1)).max() <= FLAT:
        return "uniform"
    return None
