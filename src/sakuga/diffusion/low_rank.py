"""Weights that are changed by little."""

from collections.abc import Sequence

import torch
from torch import Tensor


def low_rank_change(down: Tensor, up: Tensor) -> Tensor:
    """Return the change of a weight that two thin matrices make (LoRA, Hu et al. 2022, equation 3), in the weight's own shape.

    `down` is (rank, in) and `up` (out, rank) for (out, in); with a convolution's window behind both for (out, in, height, width),
    that of `up` being 1 x 1.
    """
    return (up.flatten(1) @ down.flatten(1)).view(up.shape[0], *down.shape[1:])


def with_middle(down: Tensor, middle: Tensor) -> Tensor:
    """Fold the middle of a convolution's three factors into the first (CP form of LoCon; Yeh et al. 2024, section 3.1).

    `down` is (rank, in, 1, 1) and `middle` (rank, rank, height, width); returns (rank, in, height, width).
    """
    return torch.einsum("orhw,ri->oihw", middle, down.flatten(1))


def joined(pairs: Sequence[tuple[Tensor, Tensor, float]]) -> tuple[Tensor, Tensor]:
    """Return one (down, up) whose change is the sum of all changes, each times its weight: the ranks stand side by side, and add up."""
    down = torch.cat([down.float() for down, _, _ in pairs])
    return down, torch.cat([up.float() * weight for _, up, weight in pairs], dim=1)


def truncated(down: Tensor, up: Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the (down, up) of at most `rank` whose change is nearest (Eckart and Young 1936), and all singular values of the change.

    The squares of those beyond `rank` add up to the square of what is lost, in Frobenius norms. They are found in a small matrix, as
    both factors are thin: up = Q1 R1 and down' = Q2 R2, so up down = Q1 (R1 R2') Q2'. Both halves get the root of each value.
    """
    left, right = torch.linalg.qr(up.flatten(1).double()), torch.linalg.qr(down.flatten(1).double().T)
    outwards, values, inwards = torch.linalg.svd(left.R @ right.R.T)
    roots = values[:rank].sqrt()
    thin_up = (left.Q @ outwards[:, : len(roots)]) * roots
    thin_down = roots[:, None] * (inwards[: len(roots)] @ right.Q.T)
    return (
        thin_down.to(down.dtype).view(-1, *down.shape[1:]),
        thin_up.to(up.dtype).view(up.shape[0], -1, *up.shape[2:]),
        values,
    )
