"""Conversions of v, losses, and low-rank changes."""

import pytest
import torch

from sakuga.diffusion.low_rank import low_rank_delta
from sakuga.diffusion.objective import clean_prediction, target_towards, training_target
from sakuga.diffusion.velocity import add_noise, predict_clean, predict_noise, pseudo_huber

SIGNAL = torch.tensor([1.0, 0.7, 0.2, 0.0]).view(-1, 1, 1, 1)


def test_a_true_velocity_gives_clean_latents_and_noise_at_every_level() -> None:
    clean, noise = torch.randn(2, 4, 3, 5, 5, generator=torch.Generator().manual_seed(0)).unbind(0)
    noisy = add_noise(clean, noise, SIGNAL)
    velocity = SIGNAL.sqrt() * noise - (1 - SIGNAL).sqrt() * clean
    torch.testing.assert_close(predict_clean(noisy, velocity, SIGNAL), clean)
    torch.testing.assert_close(predict_noise(noisy, velocity, SIGNAL), noise)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
def test_a_prediction_stands_for_the_clean_latents_that_it_leads_to(kind: str) -> None:
    clean, noise = torch.randn(2, 2, 3, 5, 5, generator=torch.Generator().manual_seed(0)).unbind(0)
    signal = SIGNAL[1:3]
    noisy = add_noise(clean, noise, signal)
    torch.testing.assert_close(target_towards(kind, clean, noisy, signal), training_target(kind, clean, noise, signal))
    torch.testing.assert_close(clean_prediction(kind, noisy, training_target(kind, clean, noise, signal), signal), clean)


def test_pseudo_huber_is_squared_for_small_and_linear_for_large_errors() -> None:
    zero = torch.zeros(1, 3, 2, 2)
    small, large = (float(pseudo_huber(zero + error, zero, width=0.1)) for error in (1e-3, 100.0))
    assert small == pytest.approx(1e-6 / 0.2, rel=1e-2)
    assert large == pytest.approx(99.9, rel=1e-3)
    assert torch.equal(pseudo_huber(zero + 5, zero + 5, width=0.1), torch.zeros(1))


def test_a_low_rank_change_equals_two_layers_in_sequence() -> None:
    down, up = torch.randn(2, 3, 3, 3), torch.randn(5, 2, 1, 1)
    image = torch.randn(1, 3, 6, 6)
    convolved = torch.nn.functional.conv2d
    torch.testing.assert_close(
        convolved(image, low_rank_delta(down, up), padding=1), convolved(convolved(image, down, padding=1), up), atol=1e-5, rtol=1e-4
    )
    assert low_rank_delta(torch.ones(2, 3), torch.ones(5, 2)).tolist() == [[2.0] * 3] * 5
