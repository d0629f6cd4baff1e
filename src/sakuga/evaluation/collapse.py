"""The collapse alarm: a chain that feeds on itself may fade into texture, or burn into a mosaic of bright patches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW = 10
"""Pictures over which variance is taken."""
LEFT = 0.1
"""The share of its first variance below which a chain has collapsed."""

MORE_COLOUR, MORE_DETAIL = 1.5, 1.3
"""Times the first picture's beyond which both together are a burnt chain's."""

Embeddings = NDArray[np.float32]
"""(pictures, channels), of CLIP's image encoder."""


def variance(embeddings: Embeddings) -> float:
    """Return the mean squared distance of directions to their mean: 0.0 where all pictures are alike, at most 1.0."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return float(1.0 - np.square(unit.mean(axis=0)).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Variance:
    """How much the pictures of a chain differ: all of them, the first ten, and the last ten."""

    whole: float
    first: float
    last: float

    @property
    def collapsed(self) -> bool:
        """Tell whether the last pictures are nearly alike where the first were not."""
        return self.last < LEFT * self.first


def chain_variance(embeddings: Embeddings) -> Variance:
    """Measure a chain in its order; a chain shorter than two windows has overlapping ones."""
    return Variance(whole=variance(embeddings), first=variance(embeddings[:WINDOW]), last=variance(embeddings[-WINDOW:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How many times the colour and the detail of a chain's first picture its last ten have, on average."""

    colour: float
    detail: float

    @property
    def burnt(self) -> bool:
        """Tell whether the last pictures are far more colourful and busy than the chain began."""
        return self.colour > MORE_COLOUR and self.detail > MORE_DETAIL


def chain_growth(pictures: Sequence[NDArray[np.uint8]]) -> Growth:
    """Measure pictures of one size, (height, width, 3), in their order."""
    first, last = (np.stack(part).astype(np.float32) for part in (pictures[:1], pictures[-WINDOW:]))
    return Growth(colour=_colour(last) / max(_colour(first), 1.0), detail=_detail(last) / max(_detail(first), 1.0))


def _colour(pictures: NDArray[np.float32]) -> float:
    """Return how far the strongest channel is above the weakest, 0 to 255."""
    return float(np.ptp(pictures, axis=-1).mean())


def _detail(pictures: NDArray[np.float32]) -> float:
    """Return how far neighbouring pixels are apart, across and down."""
    return float(np.abs(np.diff(pictures, axis=1)).mean() + np.abs(np.diff(pictures, axis=2)).mean())
