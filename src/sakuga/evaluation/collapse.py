"""Collapse detection for image chains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW = 10
"""The images over which variance is computed."""
COLLAPSED_SHARE = 0.1
"""The share of its first variance below which a chain has collapsed."""

MAX_COLOR_GROWTH, MAX_DETAIL_GROWTH = 1.5, 1.3
"""Growth over the first image; beyond both, a chain is oversaturated."""

Embeddings = NDArray[np.float32]
"""(images, channels), of CLIP's image encoder."""


def variance(embeddings: Embeddings) -> float:
    """Return the variance of embedding directions, 0 to 1."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return float(1.0 - np.square(unit.mean(axis=0)).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Variance:
    """The variance of a chain of images.

    Of all images, the first ten and the last ten.
    """

    whole: float
    first: float
    last: float

    @property
    def collapsed(self) -> bool:
        """Check whether only the last images are nearly alike."""
        return self.last < COLLAPSED_SHARE * self.first


def chain_variance(embeddings: Embeddings) -> Variance:
    """Measure a chain.

    The two windows overlap in one shorter than 20 images.
    """
    return Variance(whole=variance(embeddings), first=variance(embeddings[:WINDOW]), last=variance(embeddings[-WINDOW:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The growth of color and detail along a chain.

    The ratio of the last ten images' mean to the first image.
    """

    colour: float
    detail: float

    @property
    def oversaturated(self) -> bool:
        """Check whether the last images are oversaturated.

        Far more colorful and detailed than the first.
        """
        return self.colour > MAX_COLOR_GROWTH and self.detail > MAX_DETAIL_GROWTH


def chain_growth(images: Sequence[NDArray[np.uint8]]) -> Growth:
    """Measure the growth along images of one size."""
    first, last = (np.stack(part).astype(np.float32) for part in (images[:1], images[-WINDOW:]))
    return Growth(colour=_color(last) / max(_color(first), 1.0), detail=_detail(last) / max(_detail(first), 1.0))


def _color(images: NDArray[np.float32]) -> float:
    """Return the mean range over channels, 0 to 255."""
    return float(np.ptp(images, axis=-1).mean())


def _detail(images: NDArray[np.float32]) -> float:
    """Return the mean difference of neighbouring pixels, across and down."""
    return float(np.abs(np.diff(images, axis=1)).mean() + np.abs(np.diff(images, axis=2)).mean())
