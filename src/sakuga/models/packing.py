"""Weights packed for the processor: oneDNN's layout, made once instead of at every call.

Besides being faster, packed fp32 layers give each row of a batch the same bits at any batch width, which plain ones do not
(`batch_invariance` proves it on the machine).
"""

import os
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

SHARE_OF_MEMORY = 4
"""Packed weights are a copy: a network is packed if it takes at most a quarter of the machine's memory."""


def pack_network(network: nn.Module) -> None:
    """Let a network's fp32 linear and convolution layers run packed on a CPU.

    Layers change their class only: names, weights and plain behaviour stay. A layer runs packed in inference mode while its weights are
    frozen; it is packed at first use, and again when an adapter has changed its weights. Bits differ from the plain layers' by rounding.
    """
    layers: list[Any] = [module for module in network.modules() if _can_be_packed(module)]
    if not has_room_for_copies(layers):
        return
    for layer in layers:
        layer.__class__ = PackedLinear if type(layer) is nn.Linear else PackedConv2d


def has_room_for_copies(layers: Iterable[Any]) -> bool:
    """Return whether the weights of layers may be in memory once more."""
    return bool(sum(layer.weight.nbytes for layer in layers) * SHARE_OF_MEMORY <= _memory())


def is_packed(network: Any) -> bool:
    """Return whether a network's convolutions are packed."""
    return isinstance(network, nn.Module) and any(isinstance(module, PackedConv2d) for module in network.modules())


class _Packed(nn.Module):
    """What packed layers share: a packed copy of `weight`, kept until the weight changes.

    Changes are detected by the tensor's version: write `weight.copy_(...)`, since changes through `weight.data` have no version.
    """

    weight: Tensor
    _packed: tuple[Tensor, int, Tensor] | None = None
    """The weight, its version when it was packed, and the copy. Held, so that no other weight can have its address."""

    def _packed_weight(self) -> Tensor | None:
        """Return the packed weight; None where the plain layer must run."""
        weight = self.weight
        if weight.requires_grad or weight.is_inference() or not torch.is_inference_mode_enabled():
            return None
        packed = self._packed
        if packed is None or packed[0].data_ptr() != weight.data_ptr() or packed[1] != weight._version:
            plain = weight.detach()
            packed = self._packed = (plain, weight._version, self._pack(plain))
        return packed[2]

    def _pack(self, weight: Tensor) -> Tensor:
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        """Leave the packed copy out of pickles and deep copies."""
        state: dict[str, Any] = super().__getstate__()  # type: ignore[no-untyped-call]
        return {name: value for name, value in state.items() if name != "_packed"}


class PackedLinear(_Packed, nn.Linear):
    """A linear layer by oneDNN's packed kernel."""

    def forward(self, input: Tensor) -> Tensor:
        weight = self._packed_weight() if _suits(input) else None
        if weight is None:
            return super().forward(input)
        output: Tensor = torch.ops.mkldnn._linear_pointwise(input, weight, self.bias, "none", [], "")
        return output

    def _pack(self, weight: Tensor) -> Tensor:
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight)
        return packed


class PackedConv2d(_Packed, nn.Conv2d):
    """A convolution by oneDNN's packed kernel."""

    def forward(self, input: Tensor) -> Tensor:
        weight = self._packed_weight() if _suits(input) else None
        if weight is None:
            return super().forward(input)
        geometry: Any = (self.padding, self.stride, self.dilation, self.groups)
        output: Tensor = torch.ops.mkldnn._convolution_pointwise(input, weight, self.bias, *geometry, "none", [], "")
        return output

    def _pack(self, weight: Tensor) -> Tensor:
        geometry: Any = (self.padding, self.stride, self.dilation, self.groups)
        packed: Tensor = torch._C._nn.mkldnn_reorder_conv2d_weight(weight.to_mkldnn(), *geometry)
        return packed


def _can_be_packed(module: nn.Module) -> bool:
    """Return whether a module is a plain fp32 layer on a CPU with oneDNN."""
    plain = type(module) is nn.Linear or (
        type(module) is nn.Conv2d and module.padding_mode == "zeros" and not isinstance(module.padding, str)
    )
    return plain and _suits(module.weight) and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def _suits(tensor: Any) -> bool:
    return bool(tensor.device.type == "cpu" and tensor.dtype == torch.float32)


def _memory() -> int:
    """Return the machine's memory in bytes; 4 GiB where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 4 * 2**30
