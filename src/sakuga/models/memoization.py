"""Layers that compute once what a sampling run gives them at every step.

A run passes the same prompt embeddings and the same control image to each step, so keys and values of the text and the ControlNet's
embedding of the image are constants of the run. Results are the same to the bit.
"""

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.models.diffusers_classes import ControlNetConditioningEmbedding
from sakuga.models.packing import PackedLinear


@dataclass(frozen=True, slots=True, eq=False)
class _Memo:
    """An output, and the input and weights that it was computed from."""

    input: "weakref.ref[Tensor]"
    place: tuple[Any, ...]
    versions: tuple[int, ...]
    output: Tensor


class _Memoized(nn.Module):
    """What memoizing layers share.

    The last output is returned for the same tensor in inference mode, unless it or a frozen weight has been changed since. Tensors made in
    inference mode have no version, so they are never remembered.
    """

    _memo: _Memo | None = None

    def _remember(self, input: Tensor, compute: Callable[[Tensor], Tensor]) -> Tensor:
        weights = list(self.parameters())
        unseen = input.is_inference() or any(weight.requires_grad or weight.is_inference() for weight in weights)
        if unseen or not torch.is_inference_mode_enabled():
            return compute(input)
        source = input if input._base is None else input._base  # each step makes a view of its own
        place = (input.shape, input.stride(), input.storage_offset(), input.dtype)
        versions = (source._version, *(weight.data_ptr() for weight in weights), *(weight._version for weight in weights))
        memo = self._memo
        if memo is None or memo.input() is not source or memo.place != place or memo.versions != versions:
            memo = self._memo = _Memo(weakref.ref(source), place, versions, compute(input))
        return memo.output

    def __getstate__(self) -> dict[str, Any]:
        """Leave the remembered output out of pickles and deep copies."""
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]
        return {name: value for name, value in state.items() if name != "_memo"}


class PromptProjection(_Memoized, PackedLinear):
    """The linear layer from prompt embeddings to keys or values."""

    def forward(self, input: Tensor) -> Tensor:
        return self._remember(input, super().forward)


class ControlImageEmbedding(_Memoized, ControlNetConditioningEmbedding):  # type: ignore[misc]
    """The layers of a ControlNet that see its control image."""

    def forward(self, conditioning: Tensor) -> Tensor:
        return self._remember(conditioning, super().forward)


def memoize_constants(network: nn.Module) -> None:
    """Let a UNet or ControlNet compute the constants of a run once.

    Layers change their class only: names, weights and results stay.
    """
    for module in _prompt_projections(network):
        if type(module) in (nn.Linear, PackedLinear):
            module.__class__ = PromptProjection
    for module in network.modules():
        if type(module) is ControlNetConditioningEmbedding:
            module.__class__ = ControlImageEmbedding


def _prompt_projections(network: nn.Module) -> Iterator[nn.Module]:
    for name, module in network.named_modules():
        if name.endswith(("attn2.to_k", "attn2.to_v")):
            yield module
