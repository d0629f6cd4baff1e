"""95% confidence intervals by resampling."""

from collections.abc import Callable, Hashable, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
RESAMPLES = 2000
TAILS = (0.025, 0.975)
NORMAL = NormalDist()
Z = NORMAL.inv_cdf(TAILS[1])
FOLDS = 20
"""The parts that `jackknife_error` leaves out in turn."""


class Interval(NamedTuple):
    """The ends of a 95% interval."""

    low: float
    high: float


def resamples(n: int, seed: int = 0, count: int = RESAMPLES) -> Values:
    """Return bootstrap counts, (count, n).

    How often each of n items is drawn.
    """
    sampled = np.random.default_rng(seed).integers(0, n, (count, n)) + n * np.arange(count)[:, None]
    return np.bincount(sampled.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)


SHARES = Interval(0.0, 1.0)
"""The range of shares and probabilities."""


def mean_interval(
    values: Values, groups: Sequence[Hashable] | None = None, seed: int = 0, within: Interval | None = None
) -> Interval | None:
    """Return the interval of a mean by the BCa bootstrap.

    Efron 1987, equation 6.8.

    With `groups`, one name per value, whole groups are resampled, as images of one prompt are not independent. None for fewer than two
    values or groups. Equal values resample to themselves: with the range of possible values (`within`) they get a binomial interval.
    """
    sums, counts = _group_sums(values, groups)
    n = len(sums)
    if n < 2:
        return None
    if within and (values == values[0]).all():
        return _equal_values_interval(float(values[0]), n, within)
    sampled = resamples(n, seed)
    replicates = sampled @ sums / (sampled @ counts)
    without = (sums.sum() - sums) / (counts.sum() - counts)
    return _bca(float(values.mean()), replicates, without)


def _group_sums(values: Values, groups: Sequence[Hashable] | None) -> tuple[Values, Values]:
    """Return the sum and the count of each group.

    By default each value is a group.
    """
    if groups is None:
        return values, np.ones(len(values))
    places = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    index = [places[name] for name in groups]
    return np.bincount(index, values).astype(np.float64), np.bincount(index).astype(np.float64)


def _equal_values_interval(value: float, n: int, within: Interval) -> Interval:
    """Return the interval of n equal values.

    Up to 1 - 0.025^(1/n) of others may differ.

    Clopper and Pearson 1934.
    """
    unseen = 1 - TAILS[0] ** (1 / n)
    return Interval(*(value + unseen * (end - value) for end in within))


def _bca(value: float, replicates: Values, without: Values) -> Interval:
    """Correct percentiles for median bias and skew.

    `without` are the leave-one-out means.
    """
    deviations = without.mean() - without
    if not deviations.any():
        return Interval(value, value)
    below = float(((replicates < value).mean() + (replicates <= value).mean()) / 2)
    bias = NORMAL.inv_cdf(min(max(below, 0.5 / len(replicates)), 1 - 0.5 / len(replicates)))
    skew = float((deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5))
    shifted = [bias + NORMAL.inv_cdf(tail) for tail in TAILS]
    low, high = np.quantile(replicates, [NORMAL.cdf(bias + one / (1 - skew * one)) for one in shifted])
    return Interval(float(low), float(high))


def difference_interval(first: Values, second: Values, seed: int = 0) -> Interval | None:
    """Return the interval of an unpaired difference.

    Of mean(second) - mean(first), by bootstrap percentiles.

    Efron 1979.
    """
    if min(len(first), len(second)) < 2:
        return None
    sampled = [resamples(len(values), seed + place) @ values / len(values) for place, values in enumerate((first, second))]
    return Interval(*(float(end) for end in np.quantile(sampled[1] - sampled[0], TAILS)))


def ratio_interval(base: Values, other: Values, seed: int = 0) -> Interval | None:
    """Return the interval of mean(other) / mean(base) over pairs.

    By bootstrap percentiles, both of a pair together. None for fewer than two pairs, and where a resample's base is not above 0.
    """
    sampled = resamples(len(base), seed)
    below = sampled @ base
    if len(base) < 2 or not (below > 0).all():
        return None
    low, high = np.quantile(sampled @ other / below, TAILS)
    return Interval(float(low), float(high))


def share_interval(hits: int, n: int) -> Interval:
    """Return the score interval of a share (Wilson 1927)."""
    share, spread = hits / n, Z * Z / n
    middle = (share + spread / 2) / (1 + spread)
    reach = Z * np.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return Interval(float(max(0.0, middle - reach)), float(min(1.0, middle + reach)))


def along_interval(values: Values, seed: int = 0) -> Interval | None:
    """Return the interval of a mean along a clip.

    By the circular block bootstrap, as neighbouring frames are not independent.

    Politis and Romano 1992; the block length is the cube root of the length, at least 2 (Hall et al. 1995). None below 8 values.
    """
    n = len(values)
    if n < 8:
        return None
    run = max(2, round(n ** (1 / 3)))
    starts = np.random.default_rng(seed).integers(0, n, (RESAMPLES, -(-n // run)))
    places = (starts[..., None] + np.arange(run)).reshape(RESAMPLES, -1)[:, :n] % n
    low, high = np.quantile(values[places].mean(axis=1), TAILS)
    return Interval(float(low), float(high))


def jackknife_error(statistic: Callable[[NDArray[np.intp]], float], n: int, seed: int = 0) -> float:
    """Return a statistic's standard error by the delete-group jackknife.

    Shao and Wu 1989.

    For metrics that the bootstrap biases, as an image drawn twice is its own nearest neighbour. `statistic` gets the indices (of n) of the
    remaining images.
    """
    order = np.random.default_rng(seed).permutation(n)
    parts = np.array_split(order, min(FOLDS, n))
    values = np.array([statistic(np.setdiff1d(order, part)) for part in parts])
    return float(np.sqrt((len(parts) - 1) / len(parts) * ((values - values.mean()) ** 2).sum()))


def jackknife_interval(value: float, errors: Sequence[float], parts: int = FOLDS) -> Interval:
    """Return a statistic's interval by Student's t.

    `errors` are the jackknife errors of independent sets.
    """
    freedom = parts - 1
    t = Z + (Z**3 + Z) / (4 * freedom) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)  # Abramowitz and Stegun 26.7.5
    reach = t * float(np.linalg.norm(errors))
    return Interval(value - reach, value + reach)
