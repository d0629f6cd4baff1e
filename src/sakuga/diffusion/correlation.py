"""How far two maps agree in the order of their values."""

import numpy as np
from numpy.typing import NDArray


def ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the ranks of values (n,) from 1; equal ones share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    shared: NDArray[np.float64] = (np.cumsum(count) - (count - 1) / 2)[place]
    return shared


def rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return Spearman's correlation of two maps of one shape, -1 to 1 (Spearman 1904); 0.0 where one of them is the same everywhere."""
    a, b = (ranks(values.ravel()) for values in (first, second))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def mean_rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating], common: NDArray[np.floating] | float = 0.0) -> float:
    """Return the mean correlation of pairs of maps, (n, height, width), after what is `common` to all was taken from each.

    Maps of one kind resemble each other: without their mean taken away, pairs that have nothing to do with each other correlate too.
    """
    return float(np.mean([rank_correlation(a - common, b - common) for a, b in zip(first, second, strict=True)]))
