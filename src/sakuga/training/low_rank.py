"""LoRA layers in training (Hu et al. 2022).

Forward hooks add them to a frozen network.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sakuga import InputError
from sakuga.models.adapters import Adapter, LoraLayer
from sakuga.models.lora_keys import TEXT_MODEL

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
FEED_FORWARD = ("net.0.proj", "net.2")
CONVOLUTIONS = ("conv1", "conv2")


class LowRank(nn.Module):
    """A down and an up matrix for each target layer.

    Targets are linear layers and convolutions by the endings of their names. Each layer's output gains `alpha / rank` times
    up(down(input)), so no gradient of a whole weight is computed. It starts at 0. `alpha` is the rank by default, of convolutions
    `convolution_rank` is theirs. `part` is the network's name in adapters.
    """

    def __init__(
        self,
        network: Any,
        targets: Sequence[str],
        rank: int,
        *,
        alpha: float | None = None,
        convolution_rank: int | None = None,
        part: str = "unet",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self._network = [network]  # In a list, so that its weights are none of this module's.
        self.rank, self.layers = rank, matching(network, targets)
        self.names = [f"{part}.{name.removeprefix(TEXT_MODEL)}" for name in self.layers]
        weights = [network.get_submodule(name).weight for name in self.layers]
        ranks = [rank if weight.ndim == 2 else convolution_rank or rank for weight in weights]
        self.scales = [1.0 if alpha is None else alpha / one for one in ranks]
        sizes = list(zip(weights, ranks, strict=True))
        self.downs = nn.ParameterList(torch.empty((one, *weight.shape[1:])) for weight, one in sizes)
        self.ups = nn.ParameterList(torch.zeros((weight.shape[0], one, *[1] * (weight.ndim - 2))) for weight, one in sizes)
        self.ranks: list[Tensor] = []
        """What scales the ranks of each layer within a step with rank dropout."""
        for down in self.downs:
            nn.init.kaiming_uniform_(down, a=math.sqrt(5), generator=generator)
        if weights:
            self.to(weights[0].device)

    def load(self, adapter: Adapter) -> None:
        """Load an adapter of the same layers and rank.

        Raises InputError for another.
        """
        layers = adapter.low_rank_layers()
        ranks = {name: down.shape[0] for name, down in zip(self.names, self.downs, strict=True)}
        if layers.keys() != ranks.keys() or any(factors.down.shape[0] != ranks[name] for name, factors in layers.items()):
            raise InputError(f"'{adapter.name}' has other layers or another rank than this training: start without it")
        for name, down, up, scale in zip(self.names, self.downs, self.ups, self.scales, strict=True):
            factors = layers[name]
            down.data.copy_(factors.down)
            up.data.copy_(factors.up * (factors.scale / scale))

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Run the block with the LoRA added.

        Gradients flow to its matrices.
        """
        network = self._network[0]
        every = enumerate(zip(self.layers, self.downs, self.ups, self.scales, strict=True))
        handles = [
            network.get_submodule(layer).register_forward_hook(_lora_hook(down, up, scale, self.ranks, place))
            for place, (layer, down, up, scale) in every
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Call the network with the LoRA."""
        with self.attached():
            return self._network[0](*inputs, **options)

    def adapter(self, name: str) -> Adapter:
        """Return the matrices as an adapter."""
        every = zip(self.names, self.downs, self.ups, self.scales, strict=True)
        layers = {name: LoraLayer(down=down.detach(), up=up.detach(), scale=scale) for name, down, up, scale in every}
        return Adapter(name=name, layers=layers)

    def drop_ranks(self, share: float, generator: torch.Generator) -> None:
        """Leave a share of the ranks out until `use_all_ranks`."""
        self.ranks[:] = [drawn_ranks(down.shape[0], share, generator, down.device) for down in self.downs]

    def negate(self) -> None:
        """Take the change at weight -1 until `use_all_ranks`."""
        self.ranks[:] = [-torch.ones(down.shape[0], device=down.device) for down in self.downs]

    def use_all_ranks(self) -> None:
        """Use all ranks again."""
        self.ranks.clear()

    def up_names(self) -> dict[str, str]:
        """Return the layer of each parameter that LoRA+ trains at its own rate."""
        return {f"ups.{place}": name for place, name in enumerate(self.names)}

    def parameter_layers(self) -> dict[str, str]:
        """Return the layer of each parameter."""
        return {f"{kind}.{place}": name for kind in ("downs", "ups") for place, name in enumerate(self.names)}


def drawn_ranks(rank: int, share: float, generator: torch.Generator, device: torch.device) -> Tensor:
    """Return what scales each rank, (rank,), with a share of them left out.

    One is always kept, and the kept ones are scaled so that their sum stays the same on average (rank dropout, Yeh et al. 2024).
    """
    drawn = torch.rand(rank, generator=generator)
    kept = (drawn >= share) | (drawn == drawn.max())
    return (kept / kept.float().mean()).to(device)


def matching(network: Any, targets: Sequence[str]) -> list[str]:
    """List linear layers and convolutions by name endings."""
    endings = tuple(f".{target}" for target in targets)
    kinds = (nn.Linear, nn.Conv2d)
    return [name for name, layer in network.named_modules() if isinstance(layer, kinds) and f".{name}".endswith(endings)]


def _lora_hook(down: Tensor, up: Tensor, scale: float, ranks: Sequence[Tensor], place: int) -> Callable[..., Tensor]:
    """Return a forward hook that adds a layer's LoRA.

    In the number format of its input. `ranks` scale the ranks of this layer, the `place`-th, where there are any.
    """

    def hook(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        layer_input = inputs[0]
        thin, wide = down.to(layer_input.dtype), (up if scale == 1.0 else up * scale).to(layer_input.dtype)
        if ranks:
            thin = thin * ranks[place].to(thin).view(-1, *[1] * (thin.ndim - 1))
        if isinstance(layer, nn.Conv2d):
            narrow = functional.conv2d(layer_input, thin, None, layer.stride, layer.padding, layer.dilation)
            return output + functional.conv2d(narrow, wide)
        return output + functional.linear(functional.linear(layer_input, thin), wide)

    return hook
