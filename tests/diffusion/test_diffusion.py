"""The mathematics, held against its own laws."""

from itertools import islice, pairwise

import pytest
import torch

from sakuga.diffusion.guidance import guided, rescaled, steered
from sakuga.diffusion.interpolation import blend, slerp
from sakuga.diffusion.noise import ringed, seeded, shifted, slerped, walked

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


def test_steering_equals_gradient_descent_on_the_cosine_loss() -> None:
    generator = torch.Generator().manual_seed(3)
    embedding, good, bad = (torch.randn(count, 16, generator=generator, dtype=torch.double) for count in (2, 3, 4))
    wanted = embedding.clone()
    for _ in range(5):
        moving = wanted.clone().requires_grad_()
        cosine = torch.nn.functional.cosine_similarity
        loss = 2.0 * cosine(moving[:, None], bad[None], dim=-1).mean(dim=1) - 3.0 * cosine(moving[:, None], good[None], dim=-1).mean(dim=1)
        wanted -= torch.autograd.grad(loss.sum(), moving)[0]
    assert torch.allclose(steered(embedding, good, bad, positive=3.0, negative=2.0, repeats=5), wanted, atol=1e-12)
    assert not torch.allclose(wanted, embedding, atol=0.1)


def test_steering_without_scales_repeats_or_texts_changes_nothing() -> None:
    embedding, texts, none = torch.randn(1, 7, 8, generator=torch.Generator().manual_seed(1)), torch.eye(8)[:2], torch.zeros(0, 8)
    assert torch.equal(steered(embedding, texts, texts, positive=30.0, negative=30.0, repeats=0), embedding)
    assert torch.equal(steered(embedding, texts, texts, positive=0.0, negative=0.0, repeats=10), embedding)
    assert torch.equal(steered(embedding, none, none, positive=30.0, negative=30.0, repeats=10), embedding)


def test_a_blend_of_noises_stays_standard_normal() -> None:
    mixed = blend(torch.randn(100_000, generator=torch.Generator().manual_seed(1)), torch.randn(100_000), 0.4)
    assert mixed.std() == pytest.approx(1.0, abs=0.01)
    assert torch.equal(blend(draw(1), draw(2), 0.0), draw(1))


def test_a_drift_carries_its_noise_on_and_never_jumps() -> None:
    assert torch.equal(next(shifted(SHAPE, 5, 0.0, 0.4)), draw(5))
    first = (0.6 * draw(5) + 0.4 * draw(6)) / 0.52**0.5
    assert torch.allclose(next(shifted(SHAPE, 5, 1.0, 0.4)), first)
    assert torch.allclose(next(shifted(SHAPE, 5, 1.5, 0.4)), (0.8 * first + 0.2 * draw(7)) / 0.68**0.5)
    near = next(shifted(SHAPE, 5, 1.9999, 0.4)), next(shifted(SHAPE, 5, 2.0001, 0.4))
    assert (near[0] - near[1]).abs().max() < 0.01
    assert next(shifted(SHAPE, 5, 40.0, 0.4)).std() == pytest.approx(1.0, abs=0.15)
    second = list(islice(shifted(SHAPE, 5, 1.0, 0.4), 2))[1]
    assert torch.allclose(second, blend(*(list(islice(seeded(SHAPE, seed), 2))[1] for seed in (5, 6)), 0.4))


def test_a_ring_meets_its_ends_keeps_its_spread_and_goes_at_an_even_speed() -> None:
    big = (4, 64, 64)

    def at(place: float) -> torch.Tensor:
        return next(ringed(seeded(big, 1), seeded(big, 2), seeded(big, 3), place))

    assert torch.equal(at(0.0), next(seeded(big, 1)))
    assert torch.allclose(at(1.0), next(seeded(big, 1)), atol=1e-6)
    assert torch.allclose(at(0.5), next(seeded(big, 2)), atol=1e-6)
    around = [at(place / 8) for place in range(9)]
    assert all(abs(float(noise.std()) - 1) < 0.02 for noise in around)
    lengths = [float((after - before).norm()) for before, after in pairwise(around)]
    assert max(lengths) / min(lengths) < 1.03
    assert not torch.allclose(around[2], around[6], atol=0.5)
