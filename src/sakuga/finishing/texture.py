"""What a picture is made on: paper, which stands still, and film grain, which changes from picture to picture."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.image import Picture, rounded

RELIEF = 0.2
"""Shares of brightness by which whole paper (1.0) rises and falls: its standard deviation."""
GRAINY = 28.0
"""Grey levels by which whole grain (1.0) strays in the middle tones: its standard deviation."""
FINE = 1 / 640
"""The size of a grain or of a paper's tooth, as a share of the shorter side."""


def textured(picture: Picture, *, grain: float = 0.0, paper: float = 0.0, seed: int = 0, number: int = 0) -> Picture:
    """Give a picture paper and grain, each 0.0 (none) to 1.0; the paper depends on the seed alone, the grain on the picture's number too.

    Paper shades as pigment settles on it, in proportion to light; grain is strongest in the middle tones and has no colour.
    """
    if grain == 0.0 and paper == 0.0:
        return picture
    height, width = picture.shape[:2]
    values = picture.astype(np.float32)
    if paper:
        values = values * (np.float32(1.0) + np.float32(RELIEF * paper) * _relief(height, width, seed))[..., None]
    if grain:
        light = np.clip(values.mean(axis=-1) / 255.0, 0.0, 1.0)
        strength = np.float32(GRAINY * grain) * (0.25 + 3.0 * light * (1.0 - light))
        values = values + (strength * _noise(height, width, (seed, 2, number)))[..., None]
    return rounded(values)


@lru_cache(maxsize=2)
def _relief(height: int, width: int, seed: int) -> NDArray[np.float32]:
    """Light a rough sheet from the upper left: (height, width), mean 0, standard deviation 1; at most three deviations either way."""
    ground = _noise(height, width, (seed, 0), 1.0) + 0.8 * _noise(height, width, (seed, 1), 3.0)
    lit = ground - np.roll(ground, (1, 1), axis=(0, 1))
    return np.asarray(np.clip((lit - lit.mean()) / lit.std(), -3.0, 3.0), np.float32)


def _noise(height: int, width: int, seed: tuple[int, ...], coarse: float = 0.6) -> NDArray[np.float32]:
    """Smooth noise, `coarse` times as large as what is fine: (height, width), mean 0, standard deviation 1."""
    drawn = np.random.default_rng(seed).standard_normal((height, width), np.float32)
    smooth = cv2.GaussianBlur(drawn, (0, 0), max(0.4, coarse * min(height, width) * FINE), borderType=cv2.BORDER_REFLECT)
    return np.asarray(smooth / smooth.std(), np.float32)
