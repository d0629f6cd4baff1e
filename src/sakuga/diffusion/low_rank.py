"""Changes of weights by few numbers: LoRA, LoHa, LoKr, DoRA."""

from collections.abc import Sequence

import torch
from torch import Tensor


def low_rank_delta(down: Tensor, up: Tensor) -> Tensor:
    """Return up times down, shaped like the weight.

    LoRA, Hu et al. 2022, equation 3. `down` is (rank, in) and `up` (out, rank) for a weight (out, in); for a convolution (out, in, height,
    width) they are (rank, in, height, width) and (out, rank, 1, 1).
    """
    return (up.flatten(1) @ down.flatten(1)).view(up.shape[0], *down.shape[1:])


def fold_middle(down: Tensor, middle: Tensor) -> Tensor:
    """Multiply the middle of three factors into the first.

    This is LoCon in CP form (Yeh et al. 2024, section 3.1). `down` is (rank, in, 1, 1) and `middle` (rank, rank, height, width); returns
    (rank, in, height, width).
    """
    return torch.einsum("orhw,ri->oihw", middle, down.flatten(1))


def multiply_core(core: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return the Tucker product of a convolution's core with two factors (Yeh et al. 2024, section 3.1).

    `core` is (rank, rank, height, width), `first` (rank, out) and `second` (rank, in); returns (out, in, height, width).
    """
    return torch.einsum("ijhw,io,jc->ochw", core, first, second)


def hadamard_delta(first: Tensor, second: Tensor) -> Tensor:
    """Return the elementwise product of two low-rank changes (LoHa, Hyeon-Woo et al. 2022, equation 2)."""
    return first * second


def kronecker_delta(left: Tensor, right: Tensor) -> Tensor:
    """Return the Kronecker product of two factors (LoKr, Yeh et al. 2024, section 3.2).

    `left` is (a, b) and `right` (c, d[, height, width]); returns (a c, b d[, height, width]).
    """
    return torch.kron(left.reshape(*left.shape, *[1] * (right.ndim - left.ndim)), right.contiguous())


def decomposed_delta(weight: Tensor, delta: Tensor, magnitude: Tensor) -> Tensor:
    """Return the change of a weight that is decomposed into magnitude and direction (DoRA, Liu et al. 2024, equation 5).

    The direction is that of `weight` plus `delta`. `magnitude` is (out, 1, ...), one for each output, or (1, in, ...), one for each input.
    """
    moved = weight + delta
    kept = 0 if magnitude.shape[0] == moved.shape[0] else 1
    norm = torch.linalg.vector_norm(moved, dim=[axis for axis in range(moved.ndim) if axis != kept], keepdim=True)
    decomposed: Tensor = moved * (magnitude / norm) - weight
    return decomposed


def concatenate_ranks(pairs: Sequence[tuple[Tensor, Tensor, float]]) -> tuple[Tensor, Tensor]:
    """Return one (down, up) for a weighted sum.

    The sum is over all (down, up, weight); their ranks are concatenated.
    """
    down = torch.cat([down.float() for down, _, _ in pairs])
    return down, torch.cat([up.float() * weight for _, up, weight in pairs], dim=1)


def truncate_rank(down: Tensor, up: Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the best low-rank approximation of a change.

    Returns (down, up) of at most `rank` (Eckart and Young 1936), and all singular values of the change. The squared singular values beyond
    `rank` add up to the squared error in Frobenius norm. The SVD is of a small matrix, as both factors are thin: up = Q1 R1 and down' = Q2
    R2, so up down = Q1 (R1 R2') Q2'. Each value's root goes into both factors.
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
