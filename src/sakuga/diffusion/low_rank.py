"""Weights that are changed by little."""

from torch import Tensor


def low_rank_change(down: Tensor, up: Tensor) -> Tensor:
    """Return the change of a weight that two thin matrices make (LoRA, Hu et al. 2022, equation 3), in the weight's own shape.

    `down` is (rank, in) and `up` (out, rank) for (out, in); with a convolution's window behind both for (out, in, height, width),
    that of `up` being 1 x 1.
    """
    return (up.flatten(1) @ down.flatten(1)).view(up.shape[0], *down.shape[1:])
