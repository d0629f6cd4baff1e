"""Emphasis scales tokens by the rules of compel and AUTOMATIC1111."""

import torch

from sakuga.diffusion.emphasis import apply_emphasis, scale_emphasis

EMBEDDING, EMPTY = torch.tensor([[[2.0, 4.0], [6.0, 8.0]]]), torch.tensor([[[1.0, 1.0], [3.0, 3.0]]])


def test_a_weight_scales_the_difference_from_the_empty_prompt() -> None:
    weights = torch.tensor([[0.0], [1.5]])
    assert apply_emphasis(EMBEDDING, EMPTY, weights).tolist() == [[[1.0, 1.0], [7.5, 10.5]]]
    assert torch.equal(apply_emphasis(EMBEDDING, EMPTY, torch.ones(2, 1)), EMBEDDING)


def test_scaled_tokens_keep_the_mean_of_all() -> None:
    scaled = scale_emphasis(EMBEDDING, torch.tensor([[1.0], [2.0]]))
    torch.testing.assert_close(scaled.mean(), EMBEDDING.mean())
    torch.testing.assert_close(scaled[0, 1] / scaled[0, 0], 2 * EMBEDDING[0, 1] / EMBEDDING[0, 0])
    level = torch.tensor([[[1.0, -1.0]]])
    assert torch.equal(scale_emphasis(level, torch.tensor([[2.0]])), 2 * level)
