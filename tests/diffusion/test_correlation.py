"""Rank correlation is Spearman's, with the common map subtracted."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from sakuga.diffusion.correlation import mean_rank_correlation, rank_correlation


def test_it_is_spearmans_with_ties_and_without() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(size=(9, 7))
    for second in (first + rng.normal(size=(9, 7)), np.round(first), np.exp(3 * first), -first):
        assert rank_correlation(first, second) == pytest.approx(spearmanr(first.ravel(), second.ravel()).statistic)


def test_a_constant_map_has_no_correlation() -> None:
    assert rank_correlation(np.ones((4, 4)), np.arange(16.0).reshape(4, 4)) == 0.0


def test_the_common_map_counts_only_without_subtraction() -> None:
    rng = np.random.default_rng(1)
    shared = np.linspace(0, 5, 400).reshape(20, 20)
    first, second = (shared + rng.normal(size=(6, 20, 20)) for _ in range(2))
    assert mean_rank_correlation(first, second) > 0.5
    assert abs(mean_rank_correlation(first, second, shared)) < 0.1
    assert mean_rank_correlation(first, first, shared) == pytest.approx(1.0)
