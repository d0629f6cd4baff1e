"""Low-rank changes of a network in training (LoRA, Hu et al. 2022): the network stays as it is, and is called as if it were changed."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sakuga import InputError
from sakuga.diffusion.low_rank import low_rank_change
from sakuga.models.adapters import Adapter, Factors

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
FEED_FORWARD = ("net.0.proj", "net.2")
CONVOLUTIONS = ("conv1", "conv2")


class LowRank(nn.Module):
    """A pair of thin matrices for each linear layer or convolution whose name ends in one of the targets; untrained they change nothing."""

    def __init__(self, network: Any, targets: Sequence[str], rank: int) -> None:
        super().__init__()
        self._network = [network]  # In a list, so that its weights are none of this module's.
        layers = [name for name, layer in network.named_modules() if name.endswith(tuple(targets)) and hasattr(layer, "weight")]
        weights = [network.get_submodule(name).weight for name in layers]
        self.layers, self.rank = layers, rank
        self.downs = nn.ParameterList(torch.empty((rank, *weight.shape[1:]), device=weight.device) for weight in weights)
        self.ups = nn.ParameterList(
            torch.zeros((weight.shape[0], rank, *[1] * (weight.ndim - 2)), device=weight.device) for weight in weights
        )
        for down in self.downs:
            nn.init.kaiming_uniform_(down, a=math.sqrt(5))

    def load(self, adapter: Adapter) -> None:
        """Go on from an adapter of the same layers and rank; raises InputError for another."""
        known = {f"unet.{layer}" for layer in self.layers}
        if adapter.layers.keys() != known or any(factors.down.shape[0] != self.rank for factors in adapter.layers.values()):
            raise InputError(f"'{adapter.name}' changes other layers, or in another rank, than is trained here: train it anew")
        for layer, down, up in zip(self.layers, self.downs, self.ups, strict=True):
            factors = adapter.layers[f"unet.{layer}"]
            down.data.copy_(factors.down)
            up.data.copy_(factors.up * factors.scale)

    def changed(self) -> dict[str, Tensor]:
        """Return the changed weights by name; gradients flow to the thin matrices."""
        network = self._network[0]
        with torch.autocast(self.downs[0].device.type, enabled=False):
            return {
                f"{layer}.weight": network.get_submodule(layer).weight + low_rank_change(down, up)
                for layer, down, up in zip(self.layers, self.downs, self.ups, strict=True)
            }

    def forward(self, *given: Any, **named: Any) -> Any:
        """Call the changed network."""
        return functional_call(self._network[0], self.changed(), given, named)

    def adapter(self, name: str) -> Adapter:
        """Return what a checkpoint can wear."""
        pairs = zip(self.layers, self.downs, self.ups, strict=True)
        return Adapter(name=name, layers={f"unet.{layer}": Factors(down=down.detach(), up=up.detach()) for layer, down, up in pairs})
