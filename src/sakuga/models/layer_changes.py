"""Changes of one weight by an adapter: LoRA, LoHa, LoKr, IA3, full difference, DoRA.

A weight changes by `scale` times `unit_delta`, which is float32 and shaped like the weight.
"""

from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from torch import Tensor

from sakuga.diffusion.low_rank import decomposed_delta, hadamard_delta, kronecker_delta, low_rank_delta


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoraLayer:
    """The change of one layer's weight: `scale` times up times down."""

    down: Tensor  # (rank, in[, height, width])
    up: Tensor  # (out, rank[, 1, 1])
    scale: float = 1.0

    @property
    def rank(self) -> int:
        return self.down.shape[0]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.up.shape[0], *self.down.shape[1:])

    def unit_delta(self, weight: Tensor) -> Tensor:
        """Return the change of a weight at scale 1."""
        down, up = (value.to(weight) for value in (self.down, self.up))
        return low_rank_delta(down, up).view(weight.shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HadamardLayer:
    """LoHa: the elementwise product of two low-rank changes."""

    first: Tensor  # (out, in[, height, width])
    second: Tensor
    rank: int
    scale: float = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.first.shape)

    def unit_delta(self, weight: Tensor) -> Tensor:
        """Return the change of a weight at scale 1."""
        return hadamard_delta(self.first.to(weight), self.second.to(weight)).view(weight.shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KroneckerLayer:
    """LoKr: the Kronecker product of two factors."""

    left: Tensor  # (a, b)
    right: Tensor  # (c, d[, height, width])
    rank: int
    """0 where both factors are whole."""
    scale: float = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        (a, b), (c, d, *window) = self.left.shape, self.right.shape
        return (a * c, b * d, *window)

    def unit_delta(self, weight: Tensor) -> Tensor:
        """Return the change of a weight at scale 1."""
        return kronecker_delta(self.left.to(weight), self.right.to(weight)).view(weight.shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RescaledLayer:
    """IA3: the weight, or the bias, times a number for each output or input, as in peft."""

    factor: Tensor  # (out, 1) or (1, in); (out,) for a bias
    scale: float = 1.0
    rank: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.factor.shape)

    def unit_delta(self, weight: Tensor) -> Tensor:
        """Return the change of a weight at scale 1."""
        return weight * self.factor.to(weight).view(*self.factor.shape, *[1] * (weight.ndim - self.factor.ndim))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FullLayer:
    """A full difference, of a weight or of a bias."""

    difference: Tensor
    scale: float = 1.0
    rank: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.difference.shape)

    def unit_delta(self, weight: Tensor) -> Tensor:
        """Return the change of a weight at scale 1."""
        return self.difference.to(weight).view(weight.shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecomposedLayer:
    """DoRA: another change, and the magnitudes of the changed weight."""

    change: "LoraLayer | HadamardLayer | KroneckerLayer"
    magnitude: Tensor  # (out, 1) or (1, in)
    scale: float = 1.0

    @property
    def rank(self) -> int:
        return self.change.rank

    @property
    def shape(self) -> tuple[int, ...]:
        return self.change.shape

    def unit_delta(self, weight: Tensor) -> Tensor:
        """Return the change of a weight at scale 1, which depends on the weight."""
        magnitude = self.magnitude.to(weight).view(*self.magnitude.shape[:2], *[1] * (weight.ndim - 2))
        return decomposed_delta(weight, self.change.unit_delta(weight) * self.change.scale, magnitude)


LayerChange: TypeAlias = LoraLayer | HadamardLayer | KroneckerLayer | RescaledLayer | FullLayer | DecomposedLayer
KINDS: dict[type, str] = {
    LoraLayer: "LoRA", HadamardLayer: "LoHa", KroneckerLayer: "LoKr", RescaledLayer: "IA3", FullLayer: "full difference",
    DecomposedLayer: "DoRA",
}  # fmt: skip
"""What each kind is called."""


def fits(change: LayerChange, shape: tuple[int, ...]) -> bool:
    """Return whether a change fits a weight; 1 x 1 windows count as none, as some files leave them out."""
    if isinstance(change, RescaledLayer):
        return all(own in (1, side) for own, side in zip(change.shape, shape, strict=False))
    if isinstance(change, HadamardLayer | KroneckerLayer | FullLayer):  # some files flatten the window
        return (change.shape[0], prod(change.shape[1:])) == (shape[0], prod(shape[1:]))
    return without_window(change.shape) == without_window(shape)


def input_channels(change: LayerChange) -> int:
    """Return the input channels of the weight that a change is for; 0 where they are not told."""
    return change.shape[1] if len(change.shape) > 1 and not isinstance(change, RescaledLayer) else 0


def without_window(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Drop a 1 x 1 window from a shape."""
    return shape[:2] if shape[2:] == (1, 1) else shape
