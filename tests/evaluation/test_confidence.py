"""Intervals agree with scipy, and have their nominal coverage."""

import numpy as np
import pytest
from scipy import stats

from sakuga.evaluation.confidence import (
    SHARES,
    along_interval,
    difference_interval,
    jackknife_error,
    jackknife_interval,
    mean_interval,
    share_interval,
)
from sakuga.evaluation.metric import paired


def test_the_interval_of_a_mean_is_the_accelerated_bootstrap() -> None:
    skewed = np.random.default_rng(3).exponential(size=30)
    expected = stats.bootstrap((skewed,), np.mean, n_resamples=20_000, method="BCa", rng=1).confidence_interval
    found = mean_interval(skewed)
    assert found == pytest.approx(tuple(expected), abs=0.02)
    plain = stats.bootstrap((skewed,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    assert found is not None
    assert found.high > plain.high + 0.02, "the correction for skew shows"
    assert found == mean_interval(skewed)
    assert mean_interval(skewed[:1]) is None
    assert mean_interval(np.full(5, 2.0)) == (2.0, 2.0)


def test_equal_values_of_few_images_have_an_interval() -> None:
    for n in (4, 30):
        low, high = mean_interval(np.ones(n), within=SHARES) or (0, 0)
        assert high == 1.0
        assert low**n == pytest.approx(0.025), "this many true values occur in 2.5% of cases if the share is the lower end"
    assert mean_interval(np.ones(8), groups=[0, 0, 1, 1, 2, 2, 3, 3], within=SHARES) == mean_interval(np.ones(4), within=SHARES)
    assert mean_interval(np.array([0.0, 1.0, 1.0, 1.0]), within=SHARES) == mean_interval(np.array([0.0, 1.0, 1.0, 1.0]))
    gains = {n: paired("more", np.zeros(n), np.ones(n), within=SHARES) for n in (4, 8)}
    assert not gains[4].excludes_zero, "by the sign test four of four is no evidence either"
    assert gains[8].excludes_zero
    same = paired("more", np.ones(24), np.ones(24), within=SHARES)
    assert (same.low, same.high) == (pytest.approx(-0.1425, abs=1e-3), pytest.approx(0.1425, abs=1e-3))


def test_95_percent_of_intervals_contain_the_true_mean() -> None:
    rng = np.random.default_rng(0)
    contained = [low < 1.0 < high for low, high in (mean_interval(rng.exponential(size=40)) or (0, 0) for _ in range(100))]
    assert 0.87 <= np.mean(contained) <= 0.99
    apart = [low < 0.5 < high for low, high in (difference_interval(*_apart(rng)) or (0, 0) for _ in range(100))]
    assert 0.87 <= np.mean(apart) <= 0.99


def _apart(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.normal(size=30), rng.normal(0.5, 2.0, size=50)


def test_images_of_one_prompt_are_not_independent() -> None:
    prompts = np.repeat(np.random.default_rng(1).normal(size=8), 25)
    values = prompts + 0.01 * np.random.default_rng(2).normal(size=200)
    alone = mean_interval(values)
    grouped = mean_interval(values, groups=list(np.repeat(np.arange(8), 25)))
    assert alone is not None
    assert grouped is not None
    assert grouped.high - grouped.low > 3 * (alone.high - alone.low)
    assert mean_interval(values, groups=[0] * 200) is None


def test_a_share_has_the_interval_of_wilson() -> None:
    for hits, n in ((0, 5), (3, 7), (40, 40)):
        assert share_interval(hits, n) == pytest.approx(tuple(stats.binomtest(hits, n).proportion_ci(method="wilson")), abs=1e-9)


def test_correlated_frames_widen_the_interval_along_a_clip() -> None:
    steps = np.random.default_rng(5).normal(size=400)
    slow = np.convolve(steps, np.ones(6) / 6, mode="valid")
    along, alone = along_interval(slow), mean_interval(slow)
    assert along is not None
    assert alone is not None
    assert along.high - along.low > 1.5 * (alone.high - alone.low)
    assert along_interval(slow[:7]) is None


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(7).normal(size=2000)
    assert jackknife_error(lambda indices: float(values[indices].mean()), 2000) == pytest.approx(2000**-0.5, rel=0.4)
    few = values[:12]
    assert jackknife_error(lambda indices: float(few[indices].mean()), 12) == pytest.approx(few.std(ddof=1) / 12**0.5)
    low, high = jackknife_interval(1.0, [3.0, 4.0])
    assert (low + high) / 2 == pytest.approx(1.0)
    assert high - 1.0 == pytest.approx(5.0 * stats.t.ppf(0.975, 19), rel=1e-3)
