"""Ancestral steps keep the noise level that they lead to."""

import pytest
import torch

from sakuga.diffusion.ancestral import ancestral_step


def test_without_noise_a_step_is_eulers() -> None:
    latents, clean = torch.tensor([10.0]), torch.tensor([4.0])
    assert ancestral_step(latents, clean, 3.0, 1.0, None).item() == pytest.approx(4.0 + 6.0 / 3)


def test_with_noise_what_is_kept_and_what_is_renewed_have_the_following_level_together() -> None:
    sigma, following = 3.0, 1.0
    kept = ancestral_step(torch.tensor([4.0 + sigma]), torch.tensor([4.0]), sigma, following, torch.zeros(1)).item() - 4.0
    renewed = ancestral_step(torch.tensor([4.0]), torch.tensor([4.0]), sigma, following, torch.ones(1)).item() - 4.0
    assert renewed == pytest.approx((following**2 * (sigma**2 - following**2) / sigma**2) ** 0.5)
    assert kept**2 + renewed**2 == pytest.approx(following**2)


def test_the_last_step_gives_the_clean_latents() -> None:
    assert ancestral_step(torch.tensor([7.0]), torch.tensor([4.0]), 3.0, 0.0, torch.ones(1)).item() == pytest.approx(4.0)
