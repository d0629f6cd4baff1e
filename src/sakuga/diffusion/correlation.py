"""Rank correlation of maps."""

import numpy as np
from numpy.typing import NDArray


def ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the ranks of values (n,) from 1.

    Ties share their mean rank.
    """
    _, index, count = np.unique(values, return_inverse=True, return_counts=True)
    mean_ranks: NDArray[np.float64] = (np.cumsum(count) - (count - 1) / 2)[index]
    return mean_ranks


def rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return Spearman's correlation of two maps, -1 to 1.

    Spearman 1904; 0.0 if one of them is constant.
    """
    a, b = (ranks(values.ravel()) for values in (first, second))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def mean_rank_correlation(first: NDArray[np.floating], second: NDArray[np.floating], common: NDArray[np.floating] | float = 0.0) -> float:
    """Return the mean rank correlation of pairs of maps.

    Both are (n, height, width); `common` is subtracted from each. Maps of one kind resemble each other: without subtracting their mean,
    unrelated pairs correlate too.
    """
    return float(np.mean([rank_correlation(a - common, b - common) for a, b in zip(first, second, strict=True)]))
