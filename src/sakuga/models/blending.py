"""Blending of adapters into one whose change is their weighted sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from sakuga.diffusion.low_rank import concatenate_ranks, truncate_rank
from sakuga.models.adapters import Adapter, AdapterError, LoraLayer
from sakuga.models.families import FAMILY_NAMES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlendResult:
    """A blended adapter and its relative error.

    The error is against the exact sum, over all layers, in Frobenius norms.
    """

    adapter: Adapter
    error: float = 0.0


def blend_adapters(name: str, parts: Sequence[tuple[Adapter, float]], rank: int | None = None) -> BlendResult:
    """Sum adapters, each times its weight.

    The sum is exact, with concatenated ranks, or the best approximation of `rank`. Learned words are copied unchanged. Raises AdapterError
    where the adapters are for different models, or have the same word.
    """
    families = {one.family: one for one, _ in parts if one.family}
    if len(families) > 1:
        trained = ", ".join(f"'{one.name}' for {FAMILY_NAMES[family]}" for family, one in families.items())
        raise AdapterError(f"styles for different models cannot be blended: {trained}; blend styles of one family")
    words = tuple(word for one, _ in parts for word in one.learned_words)
    if len({word.trigger.lower() for word in words}) < len(words):
        raise AdapterError("two of the styles have the same word: rename one with `sakuga style convert --trigger`")
    factors = [(one.name, one.low_rank_layers(), weight) for one, weight in parts]
    layers = {layer: _concatenate(layer, factors) for layer in dict.fromkeys(layer for _, own, _ in factors for layer in own)}
    lost = total = 0.0
    if rank is not None:
        for layer, lora in layers.items():
            down, up, values = truncate_rank(lora.down, lora.up, rank)
            layers[layer] = LoraLayer(down=down, up=up)
            lost, total = lost + float(values[rank:].square().sum()), total + float(values.square().sum())
    adapter = Adapter(name=name, layers=layers, learned_words=words, declared_family=next(iter(families), None))
    return BlendResult(adapter=adapter, error=(lost / total) ** 0.5 if total else 0.0)


def _concatenate(layer: str, parts: Sequence[tuple[str, Mapping[str, LoraLayer], float]]) -> LoraLayer:
    having = [(name, layers[layer], weight) for name, layers, weight in parts if layer in layers]
    shapes = {(lora.up.shape[0], *_input_shape(lora)) for _, lora, _ in having}
    if len(shapes) > 1:
        sizes = ", ".join(f"'{name}' ({lora.up.shape[0]} x {lora.down.shape[1]})" for name, lora, _ in having)
        raise AdapterError(f"styles for different models cannot be blended: {layer} differs in size, {sizes}")
    window = _input_shape(having[0][1])
    pairs = [
        (lora.down.view(lora.rank, *window), lora.up.view(-1, lora.rank, *[1] * (len(window) - 1)), lora.scale * weight)
        for _, lora, weight in having
    ]
    down, up = concatenate_ranks(pairs)
    return LoraLayer(down=down, up=up)


def _input_shape(lora: LoraLayer) -> torch.Size:
    """Return a layer's input shape.

    A 1 x 1 convolution counts as a linear layer.
    """
    shape = lora.down.shape[1:]
    return shape[:1] if shape[1:] == (1, 1) else shape
