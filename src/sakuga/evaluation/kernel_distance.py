"""Unbiased kernel distances of two image sets: KID and CMMD."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from sakuga.evaluation.confidence import TAILS, Interval, Values, resamples
from sakuga.evaluation.frechet import Features
from sakuga.evaluation.metric import Measurement, NotMeasured, make_metric

Kernel: TypeAlias = Callable[[Features, Features], Features]
"""A similarity kernel: (n, features) and (m, features) to (n, m)."""
BANDWIDTH = 10.0
SCALE = 1000.0
CHUNK = 1024
REPLICATES = 500


def kid(key: str, first: Features, second: Features) -> Measurement:
    """Return KID.

    Binkowski et al. 2018, section 3: polynomial kernel of degree 3.

    All pairs are used, with the same expectation as the common mean over subsets but less noise. Two halves of one set give about 0, of
    either sign.
    """
    return _distance(key, first, second, polynomial, 1.0)


def cmmd(key: str, first: Features, second: Features) -> Measurement:
    """Return CMMD, times 1000.

    Jayasumana et al. 2024, equation 4: Gaussian kernel of width 10.

    `first` and `second` are CLIP's image embeddings, of any length. Unbiased, as in the paper; the authors' code includes the similarity of
    each image to itself.
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


def _distance(key: str, first: Features, second: Features, kernel: Kernel, scale: float) -> Measurement:
    n = min(len(first), len(second))
    if n < 2:
        return NotMeasured(key=key, reason="a set of one image has no variance", instead="use at least 2, better 50, of each")
    sampled = [resamples(len(one), seed, REPLICATES) for seed, one in enumerate((first, second), 1)]
    varied = np.logical_and(*(counts.max(axis=1) < counts.shape[1] for counts in sampled))
    counts, others = (np.concatenate([np.ones((1, one.shape[1])), one[varied]]) for one in sampled)
    values = discrepancy(first, second, kernel, counts, others)
    low, high = np.quantile(values[1:], TAILS)
    return make_metric(key, scale * values[0], n, Interval(scale * float(low), scale * float(high)))


def discrepancy(first: Features, second: Features, kernel: Kernel, counts: Values, others: Values) -> Values:
    """Return the squared maximum mean discrepancy of each resample.

    Gretton et al. 2012, equation 3.

    `counts` and `others` are bootstrap counts, (resamples, images); the result is (resamples,). An image is never compared with itself or
    its copies, so every resample is unbiased.
    """
    alike = [_within(one, kernel, sampled_counts) for one, sampled_counts in ((first, counts), (second, others))]
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
    """Sum the kernel over all pairs by their counts.

    In chunks of the second set, to bound memory.
    """
    total = np.zeros(len(counts))
    for start in range(0, len(second), CHUNK):
        part = slice(start, start + CHUNK)
        total += ((counts @ kernel(first, second[part])) * others[:, part]).sum(axis=1)
    return total
