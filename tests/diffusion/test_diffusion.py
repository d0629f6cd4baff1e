"""The mathematics, held against its own laws."""

from itertools import islice

import pytest
import torch

from sakuga.diffusion.guidance import guided, rescaled
from sakuga.diffusion.interpolation import slerp
from sakuga.diffusion.noise import seeded, slerped, walked

SHAPE = (4, 8, 8)


def draw(seed: int) -> torch.Tensor:
    return next(seeded(SHAPE, seed))


def test_slerp_begins_and_ends_at_its_ends() -> None:
    first, second = draw(1), draw(2)
    assert torch.equal(slerp(first, second, 0.0), first)
    assert torch.equal(slerp(first, second, 1.0), second)


def test_slerp_turns_evenly_and_keeps_the_length_of_noise() -> None:
    first = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    second = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    third = slerp(first, second, 1 / 3)
    assert torch.allclose(third, torch.tensor([[3**0.5 / 2, 0.0], [0.5, 0.0]]))
    assert slerp(draw(1), draw(2), 0.5).std() == pytest.approx(1.0, abs=0.05)


def test_slerp_of_parallel_and_opposite_vectors_is_a_straight_line() -> None:
    first = draw(1)
    assert torch.allclose(slerp(first, first * 3, 0.5), first * 2)
    assert torch.equal(slerp(first, -first, 0.25), first / 2)
    assert torch.isfinite(slerp(torch.zeros(3), torch.ones(3), 0.5)).all()


def test_a_seed_is_one_generator_whatever_its_company() -> None:
    one, two = islice(seeded(SHAPE, 7), 2)
    both = torch.randn((2, *SHAPE), generator=torch.Generator().manual_seed(7))
    assert torch.equal(torch.stack([one, two]), both)


def test_a_walk_passes_through_the_noise_of_each_seed() -> None:
    assert torch.equal(next(walked(SHAPE, 5, 0.0)), draw(5))
    assert torch.equal(next(walked(SHAPE, 5, 2.0)), draw(7))
    assert torch.equal(next(walked(SHAPE, 5, 1.25)), slerp(draw(6), draw(7), 0.25))
    near = next(walked(SHAPE, 5, 0.9999)), next(walked(SHAPE, 5, 1.0001))
    assert (near[0] - near[1]).abs().max() < 0.01


def test_later_draws_are_interpolated_too() -> None:
    first, second = list(islice(seeded(SHAPE, 1), 3)), list(islice(seeded(SHAPE, 2), 3))
    third = list(islice(slerped(seeded(SHAPE, 1), seeded(SHAPE, 2), 0.5), 3))[2]
    assert torch.equal(third, slerp(first[2], second[2], 0.5))


def test_guidance_of_one_is_the_conditional_prediction() -> None:
    unconditional, conditional = draw(1), draw(2)
    assert torch.allclose(guided(unconditional, conditional, 1.0), conditional, atol=1e-6)
    assert torch.equal(guided(unconditional, conditional, 0.0), unconditional)
    assert torch.allclose(guided(torch.zeros(3), torch.ones(3), 7.5), torch.full((3,), 7.5))


def test_rescaling_restores_the_contrast_of_each_frame_alone() -> None:
    conditional = torch.stack([draw(1), draw(2)])
    over = conditional * torch.tensor([4.0, 9.0])[:, None, None, None]
    assert torch.allclose(rescaled(over, conditional, 1.0), conditional, atol=1e-5)
    assert torch.equal(rescaled(over, conditional, 0.0), over)
    assert torch.allclose(rescaled(over, conditional, 0.7)[0], conditional[0] * (0.7 + 0.3 * 4), atol=1e-4)
