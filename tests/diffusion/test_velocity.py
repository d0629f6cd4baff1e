"""A predicted v tells picture and noise; a low-rank change is two layers in one."""

import pytest
import torch

from sakuga.diffusion.low_rank import low_rank_change
from sakuga.diffusion.velocity import clean_of, noise_of, noised, pseudo_huber

SIGNAL = torch.tensor([1.0, 0.7, 0.2, 0.0]).view(-1, 1, 1, 1)


def test_a_true_velocity_gives_back_picture_and_noise_at_every_level() -> None:
    clean, noise = torch.randn(2, 4, 3, 5, 5, generator=torch.Generator().manual_seed(0)).unbind(0)
    noisy = noised(clean, noise, SIGNAL)
    velocity = SIGNAL.sqrt() * noise - (1 - SIGNAL).sqrt() * clean
    torch.testing.assert_close(clean_of(noisy, velocity, SIGNAL), clean)
    torch.testing.assert_close(noise_of(noisy, velocity, SIGNAL), noise)


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
