"""Paper texture, the same for all frames, and film grain, different for each."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.image import Image, rounded_like

RELIEF = 0.2
"""Standard deviation of full paper texture (1.0), as a share of brightness."""
GRAINY = 28.0
"""Standard deviation of full grain (1.0) in the middle tones, in gray levels."""
FINE = 1 / 640
"""The size of grain and paper tooth, as a share of the shorter side."""


def add_texture(image: Image, *, grain: float = 0.0, paper: float = 0.0, seed: int = 0, number: int = 0) -> Image:
    """Add paper texture and film grain, each 0 to 1.

    Paper depends on `seed` alone, grain also on the frame's `number`. Paper scales with brightness, as pigment settles on it;
    grain is strongest in the middle tones and has no color.
    """
    if grain == 0.0 and paper == 0.0:
        return image
    height, width = image.shape[:2]
    values = image.astype(np.float32)
    if paper:
        values = values * (np.float32(1.0) + np.float32(RELIEF * paper) * _relief(height, width, seed))[..., None]
    if grain:
        light = np.clip(values.mean(axis=-1) / 255.0, 0.0, 1.0)
        strength = np.float32(GRAINY * grain) * (0.25 + 3.0 * light * (1.0 - light))
        values = values + (strength * _noise(height, width, (seed, 2, number)))[..., None]
    return rounded_like(image, values)


@lru_cache(maxsize=2)
def _relief(height: int, width: int, seed: int) -> NDArray[np.float32]:
    """Shade a rough sheet lit from the upper left.

    Returns (height, width), mean 0, standard deviation 1, clipped at 3.
    """
    ground = _noise(height, width, (seed, 0), 1.0) + 0.8 * _noise(height, width, (seed, 1), 3.0)
    lit = ground - np.roll(ground, (1, 1), axis=(0, 1))
    return np.asarray(np.clip((lit - lit.mean()) / lit.std(), -3.0, 3.0), np.float32)


def _noise(height: int, width: int, seed: tuple[int, ...], coarse: float = 0.6) -> NDArray[np.float32]:
    """Return smooth noise, (height, width).

    Mean 0, standard deviation 1; `coarse` scales its grain size.
    """
    drawn = np.random.default_rng(seed).standard_normal((height, width), np.float32)
    smooth = cv2.GaussianBlur(drawn, (0, 0), max(0.4, coarse * min(height, width) * FINE), borderType=cv2.BORDER_REFLECT)
    return np.asarray(smooth / smooth.std(), np.float32)
