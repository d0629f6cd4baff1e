"""Intervals: between what ends a figure lies, with 95% confidence, by resampling what was measured."""

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
LEFT_OUT = 20
"""Parts that are left out one after the other by `jackknife_error`."""


class Interval(NamedTuple):
    """The ends of a 95% interval."""

    low: float
    high: float


def resamples(n: int, seed: int = 0, count: int = RESAMPLES) -> Values:
    """Draw n of n things with putting back, `count` times: how often each was drawn, (count, n)."""
    drawn = np.random.default_rng(seed).integers(0, n, (count, n)) + n * np.arange(count)[:, None]
    return np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)


SHARES = Interval(0.0, 1.0)
"""Between what ends shares and certainties lie."""


def mean_interval(
    values: Values, groups: Sequence[Hashable] | None = None, seed: int = 0, within: Interval | None = None
) -> Interval | None:
    """Return the interval of a mean, by the bias-corrected and accelerated bootstrap (Efron 1987, equation 6.8).

    With `groups`, one name for each value, whole groups are resampled, as pictures of one prompt are not independent of each other.
    None where there are fewer than two values or groups. Values that are all alike resample to themselves: where it is known between
    what ends any value lies (`within`), they have an interval by what may have gone unseen.
    """
    sums, counts = _gathered(values, groups)
    n = len(sums)
    if n < 2:
        return None
    if within and (values == values[0]).all():
        return _alike(float(values[0]), n, within)
    drawn = resamples(n, seed)
    replicates = drawn @ sums / (drawn @ counts)
    without = (sums.sum() - sums) / (counts.sum() - counts)
    return _bca(float(values.mean()), replicates, without)


def _gathered(values: Values, groups: Sequence[Hashable] | None) -> tuple[Values, Values]:
    """The sum and the number of values in each group; each value is its own group where none are named."""
    if groups is None:
        return values, np.ones(len(values))
    places = {name: place for place, name in enumerate(dict.fromkeys(groups))}
    index = [places[name] for name in groups]
    return np.bincount(index, values).astype(np.float64), np.bincount(index).astype(np.float64)


def _alike(value: float, n: int, within: Interval) -> Interval:
    """Of n that are all alike, up to 1 - 0.025^(1/n) of all others may be otherwise (Clopper and Pearson 1934), at worst at an end."""
    unseen = 1 - TAILS[0] ** (1 / n)
    return Interval(*(value + unseen * (end - value) for end in within))


def _bca(value: float, replicates: Values, without: Values) -> Interval:
    """Correct percentiles for the bias of the median and for skew; `without` are the figures with one group left out."""
    straying = without.mean() - without
    if not straying.any():
        return Interval(value, value)
    below = float(((replicates < value).mean() + (replicates <= value).mean()) / 2)
    bias = NORMAL.inv_cdf(min(max(below, 0.5 / len(replicates)), 1 - 0.5 / len(replicates)))
    skew = float((straying**3).sum() / (6 * (straying**2).sum() ** 1.5))
    shifted = [bias + NORMAL.inv_cdf(tail) for tail in TAILS]
    low, high = np.quantile(replicates, [NORMAL.cdf(bias + one / (1 - skew * one)) for one in shifted])
    return Interval(float(low), float(high))


def difference_interval(first: Values, second: Values, seed: int = 0) -> Interval | None:
    """Return the interval of mean(second) - mean(first) of two sets that are not paired: bootstrap percentiles (Efron 1979)."""
    if min(len(first), len(second)) < 2:
        return None
    sampled = [resamples(len(values), seed + place) @ values / len(values) for place, values in enumerate((first, second))]
    return Interval(*(float(end) for end in np.quantile(sampled[1] - sampled[0], TAILS)))


def share_interval(hits: int, n: int) -> Interval:
    """Return the interval of a share (Wilson 1927): it has a width also where all or none are hits."""
    share, spread = hits / n, Z * Z / n
    middle = (share + spread / 2) / (1 + spread)
    reach = Z * np.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return Interval(float(max(0.0, middle - reach)), float(min(1.0, middle + reach)))


def along_interval(values: Values, seed: int = 0) -> Interval | None:
    """Return the interval of a mean along a clip, whose neighbours are alike: runs of frames are resampled (Politis and Romano 1992).

    Runs are the cube root of the length, at least 2 (Hall et al. 1995), and go on from the end to the start. None below 8 values.
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
    """Return the standard error of a statistic of a set by leaving out a twentieth of it at a time (Shao and Wu 1989).

    For figures that resampling with putting back would bend, as a picture that is there twice is its own nearest neighbour.
    `statistic` is given the places (of n) that are kept.
    """
    order = np.random.default_rng(seed).permutation(n)
    parts = np.array_split(order, min(LEFT_OUT, n))
    found = np.array([statistic(np.setdiff1d(order, part)) for part in parts])
    return float(np.sqrt((len(parts) - 1) / len(parts) * ((found - found.mean()) ** 2).sum()))


def jackknife_interval(value: float, errors: Sequence[float], parts: int = LEFT_OUT) -> Interval:
    """Return the interval of a figure of independent sets, each with its jackknife error, by Student's t for the parts left out."""
    freedom = parts - 1
    t = Z + (Z**3 + Z) / (4 * freedom) + (5 * Z**5 + 16 * Z**3 + 3 * Z) / (96 * freedom**2)  # Abramowitz and Stegun 26.7.5
    reach = t * float(np.linalg.norm(errors))
    return Interval(value - reach, value + reach)
