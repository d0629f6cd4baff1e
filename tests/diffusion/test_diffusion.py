"""Laws of the diffusion mathematics."""

from itertools import islice, pairwise

import pytest
import torch

from sakuga.diffusion.guidance import apply_guidance, compose_predictions, rescale_guidance, steer_embedding
from sakuga.diffusion.interpolation import blend_noise, slerp
from sakuga.diffusion.noise import multires_noise, noise_drift, noise_loop, noise_path, noise_walk, seeded_noise, slerp_noise

SHAPE = (4, 8, 8)


def noise(seed: int) -> torch.Tensor:
    return next(seeded_noise(SHAPE, seed))


def test_slerp_starts_and_ends_at_its_inputs() -> None:
    first, second = noise(1), noise(2)
    assert torch.equal(slerp(first, second, 0.0), first)
    assert torch.equal(slerp(first, second, 1.0), second)


def test_slerp_has_constant_speed_and_keeps_the_norm_of_noise() -> None:
    first = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    second = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    third = slerp(first, second, 1 / 3)
    assert torch.allclose(third, torch.tensor([[3**0.5 / 2, 0.0], [0.5, 0.0]]))
    assert slerp(noise(1), noise(2), 0.5).std() == pytest.approx(1.0, abs=0.05)


def test_slerp_of_parallel_and_opposite_vectors_is_linear() -> None:
    first = noise(1)
    assert torch.allclose(slerp(first, first * 3, 0.5), first * 2)
    assert torch.equal(slerp(first, -first, 0.25), first / 2)
    assert torch.isfinite(slerp(torch.zeros(3), torch.ones(3), 0.5)).all()


def test_noise_of_a_seed_is_batch_invariant() -> None:
    one, two = islice(seeded_noise(SHAPE, 7), 2)
    both = torch.randn((2, *SHAPE), generator=torch.Generator().manual_seed(7))
    assert torch.equal(torch.stack([one, two]), both)


def test_a_walk_passes_through_the_noise_of_each_seed() -> None:
    assert torch.equal(next(noise_walk(SHAPE, 5, 0.0)), noise(5))
    assert torch.equal(next(noise_walk(SHAPE, 5, 2.0)), noise(7))
    assert torch.equal(next(noise_walk(SHAPE, 5, 1.25)), slerp(noise(6), noise(7), 0.25))
    near = next(noise_walk(SHAPE, 5, 0.9999)), next(noise_walk(SHAPE, 5, 1.0001))
    assert (near[0] - near[1]).abs().max() < 0.01


def test_later_noise_tensors_are_interpolated_too() -> None:
    first, second = list(islice(seeded_noise(SHAPE, 1), 3)), list(islice(seeded_noise(SHAPE, 2), 3))
    third = list(islice(slerp_noise(seeded_noise(SHAPE, 1), seeded_noise(SHAPE, 2), 0.5), 3))[2]
    assert torch.equal(third, slerp(first[2], second[2], 0.5))


def test_guidance_of_one_is_the_conditional_prediction() -> None:
    unconditional, conditional = noise(1), noise(2)
    assert torch.allclose(apply_guidance(unconditional, conditional, 1.0), conditional, atol=1e-6)
    assert torch.equal(apply_guidance(unconditional, conditional, 0.0), unconditional)
    assert torch.allclose(apply_guidance(torch.zeros(3), torch.ones(3), 7.5), torch.full((3,), 7.5))


def test_rescaling_restores_the_deviation_of_each_frame_alone() -> None:
    conditional = torch.stack([noise(1), noise(2)])
    over = conditional * torch.tensor([4.0, 9.0])[:, None, None, None]
    assert torch.allclose(rescale_guidance(over, conditional, 1.0), conditional, atol=1e-5)
    assert torch.equal(rescale_guidance(over, conditional, 0.0), over)
    assert torch.allclose(rescale_guidance(over, conditional, 0.7)[0], conditional[0] * (0.7 + 0.3 * 4), atol=1e-4)


def test_steering_equals_gradient_descent_on_the_cosine_loss() -> None:
    generator = torch.Generator().manual_seed(3)
    embedding, good, bad = (torch.randn(count, 16, generator=generator, dtype=torch.double) for count in (2, 3, 4))
    expected = embedding.clone()
    for _ in range(5):
        moving = expected.clone().requires_grad_()
        cosine = torch.nn.functional.cosine_similarity
        loss = 2.0 * cosine(moving[:, None], bad[None], dim=-1).mean(dim=1) - 3.0 * cosine(moving[:, None], good[None], dim=-1).mean(dim=1)
        expected -= torch.autograd.grad(loss.sum(), moving)[0]
    assert torch.allclose(steer_embedding(embedding, good, bad, positive=3.0, negative=2.0, repeats=5), expected, atol=1e-12)
    assert not torch.allclose(expected, embedding, atol=0.1)


def test_steering_without_scales_repeats_or_texts_changes_nothing() -> None:
    embedding, texts, none = torch.randn(1, 7, 8, generator=torch.Generator().manual_seed(1)), torch.eye(8)[:2], torch.zeros(0, 8)
    assert torch.equal(steer_embedding(embedding, texts, texts, positive=30.0, negative=30.0, repeats=0), embedding)
    assert torch.equal(steer_embedding(embedding, texts, texts, positive=0.0, negative=0.0, repeats=10), embedding)
    assert torch.equal(steer_embedding(embedding, none, none, positive=30.0, negative=30.0, repeats=10), embedding)


def test_a_blend_of_noises_stays_standard_normal() -> None:
    mixed = blend_noise(torch.randn(100_000, generator=torch.Generator().manual_seed(1)), torch.randn(100_000), 0.4)
    assert mixed.std() == pytest.approx(1.0, abs=0.01)
    assert torch.equal(blend_noise(noise(1), noise(2), 0.0), noise(1))


def test_a_drift_accumulates_and_is_continuous() -> None:
    assert torch.equal(next(noise_drift(SHAPE, 5, 0.0, 0.4)), noise(5))
    first = (0.6 * noise(5) + 0.4 * noise(6)) / 0.52**0.5
    assert torch.allclose(next(noise_drift(SHAPE, 5, 1.0, 0.4)), first)
    assert torch.allclose(next(noise_drift(SHAPE, 5, 1.5, 0.4)), (0.8 * first + 0.2 * noise(7)) / 0.68**0.5)
    near = next(noise_drift(SHAPE, 5, 1.9999, 0.4)), next(noise_drift(SHAPE, 5, 2.0001, 0.4))
    assert (near[0] - near[1]).abs().max() < 0.01
    assert next(noise_drift(SHAPE, 5, 40.0, 0.4)).std() == pytest.approx(1.0, abs=0.15)
    second = list(islice(noise_drift(SHAPE, 5, 1.0, 0.4), 2))[1]
    assert torch.allclose(second, blend_noise(*(list(islice(seeded_noise(SHAPE, seed), 2))[1] for seed in (5, 6)), 0.4))


def test_a_noise_loop_meets_its_ends_with_unit_variance_and_constant_speed() -> None:
    big = (4, 64, 64)

    def at(place: float) -> torch.Tensor:
        return next(noise_loop(seeded_noise(big, 1), seeded_noise(big, 2), seeded_noise(big, 3), place))

    assert torch.equal(at(0.0), next(seeded_noise(big, 1)))
    assert torch.allclose(at(1.0), next(seeded_noise(big, 1)), atol=1e-6)
    assert torch.allclose(at(0.5), next(seeded_noise(big, 2)), atol=1e-6)
    around = [at(place / 8) for place in range(9)]
    assert all(abs(float(noise.std()) - 1) < 0.02 for noise in around)
    lengths = [float((after - before).norm()) for before, after in pairwise(around)]
    assert max(lengths) / min(lengths) < 1.03
    assert not torch.allclose(around[2], around[6], atol=0.5)


def test_a_path_through_consecutive_seeds_is_the_drift_and_others_leave_it() -> None:
    drift, path = next(noise_drift(SHAPE, 5, 1.5, 0.4)), next(noise_path(SHAPE, (5, 6, 7), 1.5, 0.4))
    assert torch.equal(drift, path)
    assert torch.equal(next(noise_path(SHAPE, (5, 6, 99), 1.0, 0.4)), next(noise_drift(SHAPE, 5, 1.0, 0.4)))
    assert not torch.equal(next(noise_path(SHAPE, (5, 6, 99), 2.0, 0.4)), next(noise_drift(SHAPE, 5, 2.0, 0.4)))


def test_composed_prompts_add_their_weighted_differences_from_the_unconditional_prediction() -> None:
    base, one, other = (torch.full((2, 1, 1, 1), value) for value in (1.0, 4.0, -2.0))
    weights = torch.tensor([[1.0, 0.5], [2.0, 0.0]])
    assert compose_predictions(base, [one, other], weights).flatten().tolist() == [1 + 3 - 6, 1 + 1.5]


def test_multires_noise_is_the_noise_and_coarser_noise_of_half_the_side_each() -> None:
    first = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    made = multires_noise(first, 9, 0.5, torch.Generator().manual_seed(2))
    generator, expected = torch.Generator().manual_seed(2), first
    for level, side in enumerate((2, 1), start=1):
        coarse = torch.randn(2, 1, side, side, generator=generator)
        expected = expected + 0.5**level * torch.nn.functional.interpolate(coarse, (4, 4), mode="bilinear", align_corners=False)
    torch.testing.assert_close(made, expected / expected.std(dim=(1, 2, 3), keepdim=True))
    assert torch.equal(multires_noise(first, 0, 0.5, generator), first / first.std(dim=(1, 2, 3), keepdim=True))
