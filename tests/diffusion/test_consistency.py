"""A consistency model agrees with the sampler that draws with it, and with the ways between noise and picture."""

import pytest
import torch
from diffusers import LCMScheduler

from sakuga.diffusion.consistency import clean_of, consistent, noise_of, noised, pseudo_huber
from sakuga.diffusion.low_rank import low_rank_change

SIGNAL = torch.tensor([1.0, 0.7, 0.2, 0.0]).view(-1, 1, 1, 1)


def test_a_true_velocity_gives_back_picture_and_noise_at_every_level() -> None:
    clean, noise = torch.randn(2, 4, 3, 5, 5, generator=torch.Generator().manual_seed(0)).unbind(0)
    noisy = noised(clean, noise, SIGNAL)
    velocity = SIGNAL.sqrt() * noise - (1 - SIGNAL).sqrt() * clean
    torch.testing.assert_close(clean_of(noisy, velocity, SIGNAL), clean)
    torch.testing.assert_close(noise_of(noisy, velocity, SIGNAL), noise)


def test_the_answer_is_that_of_the_sampler_to_the_last_timestep() -> None:
    scheduler = LCMScheduler(
        prediction_type="v_prediction", beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", rescale_betas_zero_snr=True
    )
    scheduler.set_timesteps(4)
    noisy, velocity = torch.randn(2, 1, 3, 5, 5, generator=torch.Generator().manual_seed(1)).unbind(0)
    for timestep in scheduler.timesteps:
        signal = scheduler.alphas_cumprod[timestep].view(1, 1, 1, 1)
        ours = consistent(noisy, clean_of(noisy, velocity, signal), timestep[None])
        torch.testing.assert_close(ours, scheduler.step(velocity, timestep, noisy).denoised)


def test_at_timestep_0_the_answer_is_what_was_given() -> None:
    noisy = torch.ones(1, 3, 2, 2)
    assert torch.equal(consistent(noisy, torch.zeros_like(noisy), torch.tensor([0])), noisy)


def test_small_errors_count_by_their_square_and_large_ones_by_their_size() -> None:
    zero = torch.zeros(1, 3, 2, 2)
    small, large = (float(pseudo_huber(zero + error, zero, width=0.1)) for error in (1e-3, 100.0))
    assert small == pytest.approx(1e-6 / 0.2, rel=1e-2)
    assert large == pytest.approx(99.9, rel=1e-3)


def test_a_low_rank_change_is_what_the_two_layers_do_one_after_the_other() -> None:
    down, up = torch.randn(2, 3, 3, 3), torch.randn(5, 2, 1, 1)
    picture = torch.randn(1, 3, 6, 6)
    convolved = torch.nn.functional.conv2d
    torch.testing.assert_close(
        convolved(picture, low_rank_change(down, up), padding=1), convolved(convolved(picture, down, padding=1), up), atol=1e-5, rtol=1e-4
    )
    assert low_rank_change(torch.ones(2, 3), torch.ones(5, 2)).tolist() == [[2.0] * 3] * 5
