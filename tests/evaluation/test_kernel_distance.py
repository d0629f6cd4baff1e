"""Kernel distances are unbiased, and agree with torchmetrics and closed forms."""

import numpy as np
import pytest
import torch
from torch import nn
from torchmetrics.image.kid import KernelInceptionDistance

from sakuga.evaluation.confidence import resamples
from sakuga.evaluation.kernel_distance import cmmd, discrepancy, gaussian, kid, polynomial
from sakuga.evaluation.metric import Measurement, Metric, NotMeasured


def normal(n: int, width: int, seed: int, shift: float = 0.0) -> np.ndarray:
    mixed = np.random.default_rng(5).normal(size=(width, width)) / width**0.5
    return np.random.default_rng(seed).normal(size=(n, width)) @ mixed + shift


def measured(outcome: Measurement) -> Metric:
    assert isinstance(outcome, Metric)
    return outcome


class IdentityExtractor(nn.Module):
    """Use the given images as features."""

    num_features = 16

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images


@pytest.mark.filterwarnings("ignore:Metric .* will save all extracted features")
def test_kid_is_that_of_torchmetrics() -> None:
    first, second = normal(40, 16, 1), normal(40, 16, 2, shift=0.4)
    reference = KernelInceptionDistance(feature=IdentityExtractor(), subsets=1, subset_size=40)
    reference.update(torch.from_numpy(first), real=True)
    reference.update(torch.from_numpy(second), real=False)
    assert measured(kid("kid", first, second)).value == pytest.approx(float(reference.compute()[0]), rel=1e-4)


def test_cmmd_is_the_mean_over_pairs_of_directions() -> None:
    first, second = normal(7, 4, 1) * 3, normal(5, 4, 2, shift=1.0)
    x, y = ([row / np.linalg.norm(row) for row in features] for features in (first, second))

    def similarity(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-((a - b) ** 2).sum() / 200))

    within = [np.mean([similarity(a, b) for i, a in enumerate(features) for j, b in enumerate(features) if i != j]) for features in (x, y)]
    expected = 1000 * (sum(within) - 2 * np.mean([similarity(a, b) for a in x for b in y]))
    assert measured(cmmd("cmmd", first, second)).value == pytest.approx(expected, rel=1e-6)


def test_the_gaussian_discrepancy_of_normal_sets_is_the_closed_form() -> None:
    rng, width, shift = np.random.default_rng(0), 3, 4.0
    first, second = rng.normal(size=(1500, width)) * 4, rng.normal(size=(1500, width)) * 4 + shift
    spread = 100.0 + 2 * 16.0
    same = (100.0 / spread) ** (width / 2)
    expected = 2 * same * (1 - np.exp(-width * shift**2 / (2 * spread)))
    ones = np.ones((1, 1500))
    assert discrepancy(first, second, gaussian, ones, ones)[0] == pytest.approx(expected, rel=0.08)


def test_resamples_are_unbiased_despite_duplicates() -> None:
    first, second = normal(30, 8, 1), normal(30, 8, 2)
    ones = np.ones((1, 30))
    full = discrepancy(first, second, polynomial, ones, ones)[0]
    resampled = discrepancy(first, second, polynomial, resamples(30, 3), resamples(30, 4))
    assert resampled.mean() == pytest.approx(full, abs=4 * resampled.std() / 2000**0.5)


def test_kid_is_about_zero_within_one_distribution_and_grows_with_a_shift() -> None:
    same = measured(kid("kid", normal(200, 16, 1), normal(200, 16, 2)))
    near, far = (measured(kid("kid", normal(200, 16, 1), normal(200, 16, 2, shift))) for shift in (0.5, 1.0))
    assert not same.excludes_zero
    assert near.excludes_zero
    assert same.value < near.value < far.value
    assert same == kid("kid", normal(200, 16, 1), normal(200, 16, 2))


def test_one_image_has_no_variance() -> None:
    refused = kid("kid", normal(1, 4, 1), normal(9, 4, 2))
    assert refused == NotMeasured(key="kid", reason="a set of one image has no variance", instead="use at least 2, better 50, of each")
