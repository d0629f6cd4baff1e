"""Color match against drift along a shot, in CIE Lab."""

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.image import Image, rounded, rounded_like

OUTLIERS = 2.0
"""Percent of each channel clipped at either end, so that a small sun or a lit window does not count as drift."""
GAIN_LIMITS = (0.8, 1.25)
"""The smallest and largest factor of contrast."""


def match_color(image: Image, reference: Image, amount: float = 1.0, measured: Image | None = None) -> Image:
    """Match an image's Lab mean and spread to a reference.

    Source: Reinhard et al. 2001, eq. 10-11.
    `amount` 0.0 leaves the image, 1.0 matches its means fully. Sizes may differ. An image matched to itself is unchanged.
    With `measured`, the correction that would match that image to the reference is applied to this one.
    """
    lab = to_lab(image)
    mean, spread = _moments(lab if measured is None else to_lab(measured))
    target_mean, target_spread = _moments(to_lab(reference))
    gain = np.clip((target_spread + 1.0) / (spread + 1.0), *GAIN_LIMITS)
    matched = (lab - mean) * gain + target_mean
    return rounded_like(image, _levels(lab + np.float32(amount) * (matched - lab)))


def lab_distance(first: Image, second: Image) -> float:
    """Measure color drift in Lab (CIE76).

    The distance of the mean colors; 2.3 is just noticeable.
    """
    return float(np.linalg.norm(to_lab(first).mean(axis=(0, 1)) - to_lab(second).mean(axis=(0, 1))))


def lab_difference(first: Image, second: Image) -> float:
    """Measure the mean Lab distance of pixels (CIE76).

    Both images have one size.
    """
    return float(np.linalg.norm(to_lab(first) - to_lab(second), axis=-1).mean())


def _moments(lab: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return each channel's mean and deviation, outliers clipped."""
    pixels = lab.reshape(-1, 3)
    inliers = np.clip(pixels, *np.percentile(pixels, (OUTLIERS, 100.0 - OUTLIERS), axis=0))
    return inliers.mean(axis=0), inliers.std(axis=0)


def to_lab(image: Image | NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert sRGB to Lab.

    Lightness is 0 to 100, a and b about -127 to 127.
    """
    lab: NDArray[np.float32] = cv2.cvtColor(image.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2LAB)
    return lab


def to_rgb(lab: NDArray[np.float32]) -> Image:
    """Convert Lab to sRGB; colors out of gamut are clipped."""
    return rounded(_levels(lab))


def _levels(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    levels: NDArray[np.float32] = cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB) * np.float32(255.0)
    return levels
