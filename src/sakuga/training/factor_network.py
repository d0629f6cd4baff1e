"""A network's LoHa, LoKr or DoRA in training: forward hooks add them to its frozen layers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sakuga.models.adapters import Adapter
from sakuga.models.lora_keys import TEXT_MODEL
from sakuga.training.factors import KINDS, DoRA, Factors, LoHa
from sakuga.training.low_rank import drawn_ranks, matching
from sakuga.training.method_settings import Lora


class FactorNetwork(nn.Module):
    """The factors of each target layer, with the interface of `LowRank`."""

    def __init__(self, network: Any, targets: Sequence[str], settings: Lora, *, part: str, generator: torch.Generator | None) -> None:
        super().__init__()
        self._network = [network]  # In a list, so that its weights are none of this module's.
        self.layers = matching(network, targets)
        self.names = [f"{part}.{name.removeprefix(TEXT_MODEL)}" for name in self.layers]
        weights = [network.get_submodule(name).weight for name in self.layers]
        self.factors = nn.ModuleList(_factors(settings, weight, generator) for weight in weights)
        self.ranks: list[Tensor] = []
        """What scales the ranks of each layer within a step with rank dropout."""
        if weights:
            self.to(weights[0].device)

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Run the block with the changes added; gradients flow to their factors."""
        handles = [
            self._network[0].get_submodule(layer).register_forward_hook(_hook(factors, self.ranks, place))
            for place, (layer, factors) in enumerate(zip(self.layers, self.factors, strict=True))
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def drop_ranks(self, share: float, generator: torch.Generator) -> None:
        """Leave a share of the ranks out until `use_all_ranks`."""
        self.ranks[:] = [drawn_ranks(one.rank, share, generator, self.device) for one in self.factors]  # type: ignore[arg-type]

    def use_all_ranks(self) -> None:
        """Use all ranks again."""
        self.ranks.clear()

    @property
    def device(self) -> torch.device:
        """Return where the factors are."""
        return next(self.parameters()).device

    def up_names(self) -> dict[str, str]:
        """Return the layer of each parameter that LoRA+ trains at its own rate."""
        ups = {LoHa: ("hada_w1_a", "hada_w2_a"), DoRA: ("up",)}
        return {
            f"factors.{place}.{up}": name
            for place, (name, one) in enumerate(zip(self.names, self.factors, strict=True))
            for up in ups.get(type(one), ())
        }

    def parameter_layers(self) -> dict[str, str]:
        """Return the layer of each parameter."""
        return {name: self.names[int(name.split(".")[1])] for name, _ in self.named_parameters()}

    def adapter(self, name: str) -> Adapter:
        """Return the changes as an adapter."""
        pairs = zip(self.names, self.factors, strict=True)
        return Adapter(name=name, layers={name: one.change() for name, one in pairs})  # type: ignore[operator]

    def tensors(self) -> dict[str, Mapping[str, Tensor]]:
        """Return the factors of each layer as LyCORIS names them."""
        return {name: one.tensors() for name, one in zip(self.names, self.factors, strict=True)}  # type: ignore[operator]


def _factors(settings: Lora, weight: Tensor, generator: torch.Generator | None) -> nn.Module:
    rank = settings.convolution_rank or settings.rank if weight.ndim > 2 else settings.rank
    alpha = float(rank if settings.alpha is None else settings.alpha)
    more = {"factor": settings.factor} if settings.algorithm == "lokr" else {}
    return KINDS[settings.algorithm](weight, rank, alpha, generator, **more)


def _hook(factors: Factors | nn.Module, ranks: list[Tensor], place: int) -> Callable[..., Tensor]:
    """Return a forward hook that adds a layer's change, in the number format of its input."""

    def hook(layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        layer_input, weight = inputs[0], layer.weight
        delta = factors.delta(weight, ranks[place] if ranks else None).to(layer_input.dtype)  # type: ignore[operator,arg-type]
        if isinstance(layer, nn.Conv2d):
            return output + functional.conv2d(layer_input, delta, None, layer.stride, layer.padding, layer.dilation)
        return output + functional.linear(layer_input, delta)

    return hook
