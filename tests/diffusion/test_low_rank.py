"""Changes of weights by few numbers, against the products they stand for."""

import pytest
import torch

from sakuga.diffusion.low_rank import (
    concatenate_ranks,
    decomposed_delta,
    fold_middle,
    hadamard_delta,
    kronecker_delta,
    low_rank_delta,
    multiply_core,
    truncate_rank,
)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_middle_factor_is_folded_into_the_first() -> None:
    down, middle, up, image = random(2, 5, 1, 1), random(2, 2, 3, 3), random(4, 2, 1, 1), random(1, 5, 6, 6)
    one_by_one = torch.conv2d(torch.conv2d(torch.conv2d(image, down), middle), up)
    torch.testing.assert_close(torch.conv2d(image, low_rank_delta(fold_middle(down, middle), up)), one_by_one, rtol=1e-4, atol=1e-4)


def test_a_core_is_multiplied_by_both_factors() -> None:
    core, first, second = random(2, 2, 3, 3), random(2, 4), random(2, 5)
    expected = sum(core[i, j] * first[i][:, None, None, None] * second[j][None, :, None, None] for i in range(2) for j in range(2))
    torch.testing.assert_close(multiply_core(core, first, second), expected)


def test_two_changes_are_multiplied_element_by_element() -> None:
    assert hadamard_delta(torch.tensor([2.0, 3.0]), torch.tensor([5.0, 7.0])).tolist() == [10.0, 21.0]


def test_a_kronecker_product_repeats_the_right_factor_scaled_by_the_left() -> None:
    left, right = random(2, 3), random(4, 5, 3, 3)
    whole = kronecker_delta(left, right)
    assert whole.shape == (8, 15, 3, 3)
    torch.testing.assert_close(whole[4:8, 5:10], left[1, 1] * right)


@pytest.mark.parametrize(("shape", "axes"), [((4, 1), [1]), ((1, 3), [0])])
def test_a_decomposed_weight_has_the_direction_of_the_sum_and_the_given_length(shape: tuple[int, int], axes: list[int]) -> None:
    weight, delta, magnitude = random(4, 3), random(4, 3, seed=1), random(*shape, seed=2).abs() + 0.5
    made = weight + decomposed_delta(weight, delta, magnitude)
    torch.testing.assert_close(torch.linalg.vector_norm(made, dim=axes, keepdim=True), magnitude)
    torch.testing.assert_close(
        made / made.abs().amax(axes, keepdim=True), (weight + delta) / (weight + delta).abs().amax(axes, keepdim=True)
    )


def test_concatenated_ranks_are_the_weighted_sum() -> None:
    pairs = [(random(rank, 5, seed=rank), random(4, rank, seed=9 + rank), weight) for rank, weight in ((1, 0.5), (3, -2.0))]
    down, up = concatenate_ranks(pairs)
    assert down.shape == (4, 5)
    torch.testing.assert_close(low_rank_delta(down, up), sum(weight * (up @ down) for down, up, weight in pairs))


def test_a_truncated_change_is_the_nearest_of_its_rank_and_its_roots_are_shared() -> None:
    down, up = random(5, 7, 3, 3), random(6, 5, 1, 1, seed=1)
    thin_down, thin_up, values = truncate_rank(down, up, 2)
    assert (thin_down.shape, thin_up.shape) == ((2, 7, 3, 3), (6, 2, 1, 1))
    rest = low_rank_delta(down, up) - low_rank_delta(thin_down, thin_up)
    assert rest.square().sum().item() == pytest.approx(values[2:].square().sum().item(), rel=1e-4)
    lengths = [torch.linalg.vector_norm(side.flatten(1), dim=axis) for side, axis in ((thin_down, 1), (thin_up, 0))]
    torch.testing.assert_close(lengths[0], lengths[1])
    torch.testing.assert_close(lengths[0].square(), values[:2].float())
