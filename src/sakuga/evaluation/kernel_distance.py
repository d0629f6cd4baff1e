"""Kernel distances of two sets of pictures: unbiased at any size, so they may be compared where Frechet distances may not."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from sakuga.evaluation.figure import Outcome, Refused, figure
from sakuga.evaluation.frechet import Features
from sakuga.evaluation.interval import TAILS, Interval, Values, resamples

Kernel: TypeAlias = Callable[[Features, Features], Features]
"""Says how alike pictures are: (n, features) and (m, features) to (n, m)."""
BANDWIDTH = 10.0
SCALE = 1000.0
AT_ONCE = 1024
REPLICATES = 500


def kid(key: str, first: Features, second: Features) -> Outcome:
    """Return the kernel distance of two sets (Binkowski et al. 2018, section 3: polynomial kernel of degree 3).

    All pairs of pictures are used, which has the expectation of the usual mean over subsets, and none of their noise.
    Two halves of one set come out around 0, on either side of it.
    """
    return _distance(key, first, second, polynomial, 1.0)


def cmmd(key: str, first: Features, second: Features) -> Outcome:
    """Return CLIP's kernel distance, times 1000 (Jayasumana et al. 2024, equation 4: a Gaussian of width 10 over directions).

    `first` and `second` are CLIP's embeddings of pictures, of any length. Unbiased, as in the paper; the authors' program adds the likeness
    of each picture to itself.
    """
    return _distance(key, _directions(first), _directions(second), gaussian, SCALE)


def polynomial(first: Features, second: Features) -> Features:
    """Return (x.y / features + 1)^3."""
    kernel: Features = (first @ second.T / first.shape[1] + 1.0) ** 3
    return kernel


def gaussian(first: Features, second: Features) -> Features:
    """Return exp(-|x - y|^2 / (2 * 10^2))."""
    squared = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1) - 2 * first @ second.T
    kernel: Features = np.exp(-np.maximum(squared, 0.0) / (2 * BANDWIDTH**2))
    return kernel


def _directions(embeddings: Features) -> Features:
    unit: Features = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return unit


def _distance(key: str, first: Features, second: Features, kernel: Kernel, scale: float) -> Outcome:
    n = min(len(first), len(second))
    if n < 2:
        return Refused(key=key, reason="a set of one picture has no spread", instead="draw at least 2, better 50, of each")
    drawn = [resamples(len(one), seed, REPLICATES) for seed, one in enumerate((first, second), 1)]
    varied = np.logical_and(*(counts.max(axis=1) < counts.shape[1] for counts in drawn))
    counts, others = (np.concatenate([np.ones((1, one.shape[1])), one[varied]]) for one in drawn)
    values = discrepancy(first, second, kernel, counts, others)
    low, high = np.quantile(values[1:], TAILS)
    return figure(key, scale * values[0], n, Interval(scale * float(low), scale * float(high)))


def discrepancy(first: Features, second: Features, kernel: Kernel, counts: Values, others: Values) -> Values:
    """Return the squared mean discrepancy (Gretton et al. 2012, equation 3) of sets drawn `counts` times: (draws, pictures) to (draws,).

    A picture is never compared with itself, nor with its like in a draw that has it twice, so it stays unbiased in all draws.
    """
    alike = [_within(one, kernel, drawn) for one, drawn in ((first, counts), (second, others))]
    across = _summed(first, second, kernel, counts, others) / (counts.sum(axis=1) * others.sum(axis=1))
    value: Values = alike[0] + alike[1] - 2 * across
    return value


def _within(features: Features, kernel: Kernel, counts: Values) -> Values:
    itself = np.array([kernel(one[None], one[None])[0, 0] for one in features])
    twice = np.square(counts)
    total = _summed(features, features, kernel, counts, counts) - twice @ itself
    mean: Values = total / (np.square(counts.sum(axis=1)) - twice.sum(axis=1))
    return mean


def _summed(first: Features, second: Features, kernel: Kernel, counts: Values, others: Values) -> Values:
    """Sum the kernel over all pairs, each as often as it was drawn, a part of the second set at a time."""
    total = np.zeros(len(counts))
    for start in range(0, len(second), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        total += ((counts @ kernel(first, second[part])) * others[:, part]).sum(axis=1)
    return total
