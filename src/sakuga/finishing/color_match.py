"""Colour match: slow colour drift along a shot is drawn back to a reference picture, in CIE Lab."""

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.image import Picture, rounded

OUTLIERS = 2.0
"""Percent of each channel at either end that counts as its limit: a small sun or a lit window says nothing about drift."""
GENTLE = (0.8, 1.25)
"""The least and the most that contrast is changed by."""


def match(picture: Picture, reference: Picture, amount: float = 1.0, measured: Picture | None = None) -> Picture:
    """Give a picture the mean and the spread of a reference, channel by channel in Lab (Reinhard et al. 2001, eq. 10-11).

    `amount` 0.0 leaves the picture, 1.0 matches its means fully. Sizes may differ. A picture matched to itself comes back unchanged.
    With `measured`, what would match that picture to the reference is done to this one.
    """
    lab = to_lab(picture)
    mean, spread = _moments(lab if measured is None else to_lab(measured))
    wanted_mean, wanted_spread = _moments(to_lab(reference))
    gain = np.clip((wanted_spread + 1.0) / (spread + 1.0), *GENTLE)
    matched = (lab - mean) * gain + wanted_mean
    return to_rgb(lab + np.float32(amount) * (matched - lab))


def lab_distance(first: Picture, second: Picture) -> float:
    """Measure colour drift: the distance of two pictures' mean colours in Lab (CIE76 units; 2.3 is just noticeable)."""
    return float(np.linalg.norm(to_lab(first).mean(axis=(0, 1)) - to_lab(second).mean(axis=(0, 1))))


def lab_difference(first: Picture, second: Picture) -> float:
    """Measure how much two pictures of one size differ to the eye: the mean over their pixels of the distance in Lab (CIE76)."""
    return float(np.linalg.norm(to_lab(first) - to_lab(second), axis=-1).mean())


def _moments(lab: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean and the standard deviation of each channel, outliers drawn in."""
    pixels = lab.reshape(-1, 3)
    inliers = np.clip(pixels, *np.percentile(pixels, (OUTLIERS, 100.0 - OUTLIERS), axis=0))
    return inliers.mean(axis=0), inliers.std(axis=0)


def to_lab(picture: Picture | NDArray[np.float32]) -> NDArray[np.float32]:
    """sRGB to Lab: lightness 0 to 100, a and b about -127 to 127."""
    lab: NDArray[np.float32] = cv2.cvtColor(picture.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    return lab


def to_rgb(lab: NDArray[np.float32]) -> Picture:
    """Lab to sRGB; what no screen shows is cut off."""
    return rounded(cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB) * np.float32(255.0))
