"""Pictures that must never be passed on."""

import numpy as np

from sakuga import SakugaError

BLACK = 4 / 255
"""A picture with no value above this is black."""
FLAT = 1 / 255
"""A picture that spreads less than this around its mean shows nothing."""


class DrawingError(SakugaError):
    """A frame cannot be drawn; the sentence names it and says why."""


def fault(picture: np.ndarray) -> str | None:
    """Tell what is wrong with a picture, (height, width, 3) float from 0 to 1, or None."""
    if not np.isfinite(picture).all():
        return "not a number"
    if picture.max() <= BLACK:
        return "black"
    if picture.std(axis=(0, 1)).max() <= FLAT:
        return "flat"
    return None
