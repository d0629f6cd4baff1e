"""Distances agree with their definitions, and with scipy."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from sakuga.evaluation.distance import frechet, kid


def _normal(n: int, width: int, seed: int, shift: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixed = np.random.default_rng(5).normal(size=(width, width)) / width**0.5
    return rng.normal(size=(n, width)) @ mixed + shift


def test_frechet_equals_the_matrix_square_root() -> None:
    first, second = _normal(300, 24, 1), _normal(400, 24, 2, shift=0.3) * 1.5
    a, b = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    gap = first.mean(axis=0) - second.mean(axis=0)
    wanted = gap @ gap + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet(first, second) == pytest.approx(wanted, rel=1e-6)
    assert frechet(first, first) == pytest.approx(0.0, abs=1e-6)


def test_frechet_refuses_sets_that_are_too_small() -> None:
    with pytest.raises(ValueError, match="24 pictures in 24 features says nothing"):
        frechet(_normal(24, 24, 1), _normal(300, 24, 2))


def test_kid_over_all_pictures_equals_the_sum_over_pairs() -> None:
    first, second = _normal(7, 4, 1), _normal(7, 4, 2, shift=1.0)

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 4 + 1) ** 3)

    among = [np.mean([kernel(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j]) for s in (first, second)]
    wanted = sum(among) - 2 * np.mean([kernel(x, y) for x in first for y in second])
    assert kid(first, second, subsets=3).mean == pytest.approx(wanted)


def test_kid_is_about_zero_within_one_distribution_and_grows_with_a_shift() -> None:
    same = kid(_normal(400, 16, 1), _normal(400, 16, 2), size=100)
    near, far = (kid(_normal(400, 16, 1), _normal(400, 16, 2, shift=shift), size=100).mean for shift in (0.5, 1.0))
    assert abs(same.mean) < 0.05
    assert 0.1 < near < far
    assert kid(_normal(40, 4, 1), _normal(40, 4, 2)) == kid(_normal(40, 4, 1), _normal(40, 4, 2))
