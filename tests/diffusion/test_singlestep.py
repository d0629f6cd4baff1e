"""Singlestep samplers that add noise: their levels, and what they leave of a distribution."""

from itertools import pairwise
from math import sqrt

import pytest
import torch

from sakuga.diffusion.ancestral import ancestral_levels
from sakuga.diffusion.singlestep import brownian_noise, middle_level, to_middle, towards, whole_step

DEVIATION = 0.5
"""Of data for which the best prediction of clean values is known."""


def clean(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
    return noisy * DEVIATION**2 / (DEVIATION**2 + sigma**2)


@pytest.mark.parametrize("stochastic", [True, False])
def test_many_steps_end_in_the_distribution_of_the_data(stochastic: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    levels = [20 * 0.8**step for step in range(41)]
    values = torch.randn(40_000, generator=generator) * levels[0]
    for sigma, following in pairwise(levels):
        middle = middle_level(sigma, following, stochastic=stochastic)
        first, second = torch.randn(2, 40_000, generator=generator)
        half = to_middle(values, clean(values, sigma), sigma, middle, first if stochastic else None)
        noise = brownian_noise(first, second, sigma, middle, following) if stochastic else second
        values = whole_step(values, clean(half, middle), sigma, following, noise)
    values = towards(values, clean(values, levels[-1]), levels[-1], 0.0)
    assert float(values.std()) == pytest.approx(DEVIATION, rel=0.02)
    assert float(values.mean()) == pytest.approx(0, abs=0.02)


def test_a_step_to_noise_level_0_ends_at_the_clean_values() -> None:
    latents, prediction = torch.randn(2, 9, generator=torch.Generator().manual_seed(1))
    assert torch.equal(towards(latents, prediction, 3.0, 0.0), prediction)


def test_noise_kept_and_noise_added_make_the_next_level() -> None:
    kept, renewed = ancestral_levels(3.0, 1.2)
    assert sqrt(kept**2 + renewed**2) == pytest.approx(1.2)
    assert middle_level(3.0, 1.2, stochastic=True) == pytest.approx(sqrt(3.6))
    assert middle_level(3.0, 1.2, stochastic=False) == pytest.approx(sqrt(3.0 * kept))


def test_noise_of_a_step_is_the_sum_of_its_halves() -> None:
    first, second = torch.randn(2, 50_000, generator=torch.Generator().manual_seed(2))
    whole = brownian_noise(first, second, 4.0, 2.0, 1.0)
    assert float(whole.std()) == pytest.approx(1, rel=0.02)
    assert float((whole * first).mean()) == pytest.approx(sqrt(2 / 3), abs=0.02)
