"""Low-rank changes of a network in training (LoRA, Hu et al. 2022): the network's weights stay as they are, only its answers change."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sakuga import InputError
from sakuga.models.adapters import Adapter, Factors
from sakuga.models.lora_keys import TEXT_MODEL

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
FEED_FORWARD = ("net.0.proj", "net.2")
CONVOLUTIONS = ("conv1", "conv2")


class LowRank(nn.Module):
    """A pair of thin matrices for each linear layer or convolution whose name ends in one of the targets; untrained they change nothing.

    Each layer adds `alpha / rank` times up(down(its input)) to its answer, so no gradient of a whole weight is ever made. `alpha` is the
    rank unless said. `part` is what adapters call the network.
    """

    def __init__(
        self,
        network: Any,
        targets: Sequence[str],
        rank: int,
        *,
        alpha: float | None = None,
        part: str = "unet",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self._network = [network]  # In a list, so that its weights are none of this module's.
        self.rank, self.scale = rank, 1.0 if alpha is None else alpha / rank
        self.layers = matching(network, targets)
        self.names = [f"{part}.{name.removeprefix(TEXT_MODEL)}" for name in self.layers]
        weights = [network.get_submodule(name).weight for name in self.layers]
        self.downs = nn.ParameterList(torch.empty((rank, *weight.shape[1:])) for weight in weights)
        self.ups = nn.ParameterList(torch.zeros((weight.shape[0], rank, *[1] * (weight.ndim - 2))) for weight in weights)
        for down in self.downs:
            nn.init.kaiming_uniform_(down, a=math.sqrt(5), generator=generator)
        if weights:
            self.to(weights[0].device)

    def load(self, adapter: Adapter) -> None:
        """Go on from an adapter of the same layers and rank; raises InputError for another."""
        if adapter.layers.keys() != set(self.names) or any(factors.down.shape[0] != self.rank for factors in adapter.layers.values()):
            raise InputError(f"'{adapter.name}' changes other layers, or in another rank, than is trained here: train it anew")
        for name, down, up in zip(self.names, self.downs, self.ups, strict=True):
            factors = adapter.layers[name]
            down.data.copy_(factors.down)
            up.data.copy_(factors.up * (factors.scale / self.scale))

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Let the network answer as it is changed, for as long as the block lasts; gradients flow to the thin matrices."""
        network = self._network[0]
        pairs = zip(self.layers, self.downs, self.ups, strict=True)
        handles = [network.get_submodule(layer).register_forward_hook(_adding(down, up, self.scale)) for layer, down, up in pairs]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def forward(self, *given: Any, **named: Any) -> Any:
        """Call the changed network."""
        with self.attached():
            return self._network[0](*given, **named)

    def adapter(self, name: str) -> Adapter:
        """Return what a checkpoint can wear."""
        pairs = zip(self.names, self.downs, self.ups, strict=True)
        layers = {name: Factors(down=down.detach(), up=up.detach(), scale=self.scale) for name, down, up in pairs}
        return Adapter(name=name, layers=layers)


def matching(network: Any, targets: Sequence[str]) -> list[str]:
    """List the linear layers and convolutions of a network whose names end in one of the targets, whole."""
    endings = tuple(f".{target}" for target in targets)
    kinds = (nn.Linear, nn.Conv2d)
    return [name for name, layer in network.named_modules() if isinstance(layer, kinds) and f".{name}".endswith(endings)]


def _adding(down: Tensor, up: Tensor, scale: float) -> Callable[..., Tensor]:
    """Return the hook by which a layer adds its change; in the number format of what it is given."""

    def hook(layer: nn.Module, given: tuple[Any, ...], answer: Tensor) -> Tensor:
        seen = given[0]
        thin, wide = down.to(seen.dtype), (up if scale == 1.0 else up * scale).to(seen.dtype)
        if isinstance(layer, nn.Conv2d):
            narrow = functional.conv2d(seen, thin, None, layer.stride, layer.padding, layer.dilation)
            return answer + functional.conv2d(narrow, wide)
        return answer + functional.linear(functional.linear(seen, thin), wide)

    return hook
