"""The collapse alarm: a chain that feeds on itself may fade into texture, and then its pictures say nothing new."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW = 10
"""Pictures over which variance is taken."""
LEFT = 0.1
"""The share of its first variance below which a chain has collapsed."""

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
