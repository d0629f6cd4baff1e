"""Factors of one layer's change in training: LoHa, LoKr, DoRA.

Each starts at no change. `tensors` are named as in LyCORIS' files.
"""

import math
from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from sakuga.diffusion.low_rank import decomposed_delta, hadamard_delta, kronecker_delta, low_rank_delta
from sakuga.models.layer_changes import DecomposedLayer, HadamardLayer, KroneckerLayer, LayerChange, LoraLayer


class Factors(Protocol):
    """The trained factors of a weight's change."""

    rank: int
    scale: float

    def delta(self, weight: Tensor, ranks: Tensor | None = None) -> Tensor:
        """Return the change of a weight (float32); `ranks` scales each rank, (rank,)."""

    def change(self) -> LayerChange:
        """Return the change as an adapter holds it."""

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the factors by what LyCORIS calls them."""


class LoHa(nn.Module):
    """The elementwise product of two low-rank changes (Hyeon-Woo et al. 2022)."""

    def __init__(self, weight: Tensor, rank: int, alpha: float, generator: torch.Generator | None) -> None:
        super().__init__()
        self.rank, self.scale, self.shape = rank, alpha / rank, weight.shape
        rows, columns = weight.shape[0], weight[0].numel()
        self.hada_w1_a = nn.Parameter(torch.randn(rows, rank, generator=generator) * 0.1)
        self.hada_w1_b = nn.Parameter(torch.randn(rank, columns, generator=generator))
        self.hada_w2_a = nn.Parameter(torch.zeros(rows, rank))
        self.hada_w2_b = nn.Parameter(torch.randn(rank, columns, generator=generator))

    def delta(self, weight: Tensor, ranks: Tensor | None = None) -> Tensor:
        """Return the change of a weight."""
        first, second = self._products(ranks)
        return hadamard_delta(first, second).view(weight.shape) * self.scale

    def _products(self, ranks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        left = self.hada_w1_a if ranks is None else self.hada_w1_a * ranks
        return left @ self.hada_w1_b, self.hada_w2_a @ self.hada_w2_b

    def change(self) -> LayerChange:
        """Return the change as an adapter holds it."""
        first, second = (product.detach().view(self.shape) for product in self._products())
        return HadamardLayer(first=first, second=second, rank=self.rank, scale=self.scale)

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the factors with alpha."""
        return {**dict(self.named_parameters()), "alpha": torch.tensor(self.scale * self.rank)}


class LoKr(nn.Module):
    """The Kronecker product of a small matrix and a large one, which is low-rank where that is smaller (Yeh et al. 2024)."""

    def __init__(self, weight: Tensor, rank: int, alpha: float, generator: torch.Generator | None, factor: int = 0) -> None:
        super().__init__()
        (a, c), (b, d) = split_evenly(weight.shape[0], factor), split_evenly(weight.shape[1], factor)
        window = weight[0, 0].numel()
        self.shape, self.right_shape = weight.shape, (c, d, *weight.shape[2:])
        self.lokr_w1 = nn.Parameter(_kaiming(torch.empty(a, b), generator))
        self.whole = rank >= max(c, d) / 2
        self.rank = 0 if self.whole else rank
        self.scale = 1.0 if self.whole else alpha / rank
        if self.whole:
            self.lokr_w2 = nn.Parameter(torch.zeros(self.right_shape))
        else:
            self.lokr_w2_a = nn.Parameter(_kaiming(torch.empty(c, rank), generator))
            self.lokr_w2_b = nn.Parameter(torch.zeros(rank, d * window))

    def delta(self, weight: Tensor, ranks: Tensor | None = None) -> Tensor:
        """Return the change of a weight."""
        return kronecker_delta(self.lokr_w1, self._right()).view(weight.shape) * self.scale

    def _right(self) -> Tensor:
        return self.lokr_w2 if self.whole else (self.lokr_w2_a @ self.lokr_w2_b).view(self.right_shape)

    def change(self) -> LayerChange:
        """Return the change as an adapter holds it."""
        return KroneckerLayer(left=self.lokr_w1.detach(), right=self._right().detach(), rank=self.rank, scale=self.scale)

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the factors, with alpha where one is low-rank."""
        return {**dict(self.named_parameters()), **({} if self.whole else {"alpha": torch.tensor(self.scale * self.rank)})}


class DoRA(nn.Module):
    """A low-rank change of a weight's direction, and its magnitude by output (Liu et al. 2024)."""

    def __init__(self, weight: Tensor, rank: int, alpha: float, generator: torch.Generator | None) -> None:
        super().__init__()
        self.rank, self.scale = rank, alpha / rank
        self.down = nn.Parameter(_kaiming(torch.empty(rank, *weight.shape[1:]), generator))
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank, *[1] * (weight.ndim - 2)))
        norm = torch.linalg.vector_norm(weight.detach().float().cpu().flatten(1), dim=1)
        self.magnitude = nn.Parameter(norm.view(-1, *[1] * (weight.ndim - 1)))

    def delta(self, weight: Tensor, ranks: Tensor | None = None) -> Tensor:
        """Return the change of a weight, which depends on the weight."""
        up = self.up if ranks is None else self.up * ranks.view(1, -1, *[1] * (self.up.ndim - 2))
        return decomposed_delta(weight.float(), low_rank_delta(self.down, up) * self.scale, self.magnitude)

    def change(self) -> LayerChange:
        """Return the change as an adapter holds it."""
        low_rank = LoraLayer(down=self.down.detach(), up=self.up.detach(), scale=self.scale)
        return DecomposedLayer(change=low_rank, magnitude=self.magnitude.detach().flatten(1))

    def tensors(self) -> Mapping[str, Tensor]:
        """Return the factors with alpha."""
        factors = {"lora_down.weight": self.down, "lora_up.weight": self.up, "dora_scale": self.magnitude}
        return {**factors, "alpha": torch.tensor(self.scale * self.rank)}


KINDS: dict[str, Callable[..., LoHa | LoKr | DoRA]] = {"loha": LoHa, "lokr": LoKr, "dora": DoRA}


def split_evenly(size: int, factor: int = 0) -> tuple[int, int]:
    """Split a size into two factors, the smaller first.

    The smaller is the divisor nearest below `factor`; with 0 it is the greatest below the root.

    >>> split_evenly(96), split_evenly(96, 4), split_evenly(7)
    ((8, 12), (4, 24), (1, 7))
    """
    most = min(factor or math.isqrt(size), math.isqrt(size))
    small = next(divisor for divisor in range(max(1, most), 0, -1) if size % divisor == 0)
    return small, size // small


def _kaiming(empty: Tensor, generator: torch.Generator | None) -> Tensor:
    return nn.init.kaiming_uniform_(empty, a=math.sqrt(5), generator=generator)
