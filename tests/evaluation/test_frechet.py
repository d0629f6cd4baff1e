"""The Frechet distance equals scipy's, and needs enough images."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from sakuga.evaluation.frechet import frechet_distance, frechet_metric
from sakuga.evaluation.metric import Metric, NotMeasured


def normal(n: int, width: int, seed: int, shift: float = 0.0) -> np.ndarray:
    mixed = np.random.default_rng(5).normal(size=(width, width)) / width**0.5
    return np.random.default_rng(seed).normal(size=(n, width)) @ mixed + shift


def by_scipy(first: np.ndarray, second: np.ndarray) -> float:
    a, b = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    gap = first.mean(axis=0) - second.mean(axis=0)
    return float(gap @ gap + np.trace(a + b - 2 * sqrtm(a @ b).real))


@pytest.mark.parametrize(("n", "m", "width"), [(300, 400, 24), (700, 600, 256), (20, 40, 24), (40, 20, 24)])
def test_frechet_equals_the_matrix_square_root(n: int, m: int, width: int) -> None:
    first, second = normal(n, width, 1), normal(m, width, 2, shift=0.3) * 1.5
    assert frechet_distance(first, second) == pytest.approx(by_scipy(first, second), rel=1e-6)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-6)


def test_few_images_in_many_features_equal_the_distance_with_added_noise() -> None:
    """Compare the trace with the eigenvalues of the product: scipy's root of a singular product is unreliable."""
    first, second = normal(12, 40, 1), normal(9, 40, 2, shift=0.2)
    a, b = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    gap = first.mean(axis=0) - second.mean(axis=0)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(a @ b).real, 0.0)).sum()
    assert frechet_distance(first, second) == pytest.approx(gap @ gap + np.trace(a) + np.trace(b) - 2 * roots, rel=1e-6)


def test_a_constant_feature_is_allowed() -> None:
    first, second = normal(60, 8, 1), normal(60, 8, 2)
    dead = [np.concatenate([features, np.ones((60, 1))], axis=1) for features in (first, second)]
    assert frechet_distance(dead[0], dead[1]) == pytest.approx(frechet_distance(first, second), rel=1e-6)


def test_a_distance_has_an_interval_and_is_not_measured_on_few_images() -> None:
    near, far = (frechet_metric("fd", normal(300, 8, 1), normal(300, 8, 2, shift)) for shift in (0.0, 1.0))
    assert isinstance(near, Metric)
    assert isinstance(far, Metric)
    assert near.high is not None
    assert far.low is not None
    assert near.high < far.low < far.value
    assert "compare only with n 300" in far.note
    refused = frechet_metric("fd", normal(24, 24, 1), normal(300, 24, 2))
    assert isinstance(refused, NotMeasured)
    assert str(refused) == (
        "not measured: 24 images do not determine the 300 covariances of 24 features; use KID, which is unbiased, or more than 24 images"
    )
