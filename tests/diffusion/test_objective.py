"""Loss weights of noise levels, by their papers' formulas."""

import math

import numpy as np
import pytest
import torch

from sakuga.diffusion.objective import debiased_weights, min_snr_weights, pseudo_huber, timestep_shares

SIGNAL = torch.tensor([0.99, 0.5, 0.2])
RATIO = [99.0, 1.0, 0.25]


@pytest.mark.parametrize(
    ("kind", "weights"),
    [
        ("epsilon", [5 / 99, 1.0, 1.0]),
        ("v_prediction", [5 / 100, 1 / 2, 0.25 / 1.25]),
        ("sample", [5.0, 1.0, 0.25]),
    ],
)
def test_min_snr_cuts_the_signal_to_noise_ratio_at_gamma(kind: str, weights: list[float]) -> None:
    assert min_snr_weights(SIGNAL, 5.0, kind).tolist() == pytest.approx(weights, rel=1e-4)


def test_min_snr_measures_the_ratio_by_the_variance_of_the_data() -> None:
    weights = min_snr_weights(SIGNAL, 5.0, "sample", variance=4.0)
    assert weights.tolist() == pytest.approx([5 / 4, 1.0, 0.25], rel=1e-4)


def test_min_snr_of_pure_noise_is_1_for_epsilon_and_the_least_for_v() -> None:
    assert min_snr_weights(torch.zeros(1), 5.0, "epsilon").tolist() == [1.0]
    assert min_snr_weights(torch.zeros(1), 5.0, "v_prediction").tolist() == [0.0]
    assert min_snr_weights(torch.zeros(1), 5.0, "v_prediction", least=0.1).tolist() == pytest.approx([0.1])


def test_debiased_weights_are_the_inverse_root_of_the_ratio_and_for_v_the_inverse_of_it_plus_one() -> None:
    assert debiased_weights(SIGNAL, "epsilon").tolist() == pytest.approx([ratio**-0.5 for ratio in RATIO], rel=1e-4)
    assert debiased_weights(SIGNAL, "v_prediction").tolist() == pytest.approx([1 / (ratio + 1) for ratio in RATIO], rel=1e-4)
    assert debiased_weights(torch.tensor([0.0, 0.99999]), "epsilon").tolist() == pytest.approx([1000**0.5, 1000**-0.5])


def test_pseudo_huber_is_the_papers_formula_without_its_cancellation() -> None:
    error, c = torch.tensor([0.0, 1e-3, 0.5, 20.0], dtype=torch.float64), 0.1
    torch.testing.assert_close(pseudo_huber(error, c), 2 * c * ((error**2 + c**2).sqrt() - c), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["uniform", "logit-normal", "high-noise", "low-noise"])
def test_timesteps_cover_the_schedule_in_order_as_their_distribution_says(name: str) -> None:
    shares = timestep_shares(np.array([0.1, 0.5, 0.9]), name)
    expected = {
        "uniform": [0.1, 0.5, 0.9],
        "logit-normal": [1 / (1 + math.exp(1.2815516)), 0.5, 1 / (1 + math.exp(-1.2815516))],
        "high-noise": [0.1 ** (1 / 3), 0.5 ** (1 / 3), 0.9 ** (1 / 3)],
    }
    expected["low-noise"] = [1 - share for share in expected["high-noise"][::-1]]
    assert shares.tolist() == pytest.approx(expected[name], rel=1e-4)


def test_an_unknown_distribution_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="use uniform, logit-normal, high-noise or low-noise"):
        timestep_shares(np.zeros(1), "cosine")
