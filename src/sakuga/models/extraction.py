"""LoRAs out of differences: of two checkpoints, or of an adapter of more ranks or another kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.models.adapters import Adapter, AdapterError
from sakuga.models.layer_changes import HadamardLayer, KroneckerLayer, LoraLayer
from sakuga.models.lora_keys import TEXT_MODEL


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReducedAdapter:
    """A LoRA with its relative error against the exact change.

    Over all weights, in Frobenius norms.
    """

    adapter: Adapter
    error: float
    beyond: float = 0.0
    """The part of the error that lies in weights that a LoRA cannot change: biases, norms, embeddings."""


def extract_adapter(name: str, networks: Sequence[tuple[str, Any, Any]], rank: int) -> ReducedAdapter:
    """Approximate the difference of networks by a LoRA of a rank (Eckart and Young 1936).

    `networks` are (part, base, tuned), such as ("unet", ...). Raises AdapterError where they differ in layers or not at all.
    """
    layers: dict[str, LoraLayer] = {}
    lost = beyond = total = 0.0
    for part, base, tuned in networks:
        own, other = dict(base.named_parameters()), dict(tuned.named_parameters())
        if own.keys() != other.keys() or any(own[key].shape != other[key].shape for key in own):
            raise AdapterError(f"the two models differ in the layers of their {part}: extract from a model that was tuned from the base")
        targets = {f"{key}.weight" for key, layer in base.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)}
        for key, weight in own.items():
            delta = other[key].detach().double() - weight.detach().double()
            size = float(delta.square().sum())
            total += size
            if key not in targets:
                beyond += size
            elif size:
                layer, left = low_rank_part(delta, rank)
                lost += left
                layers[f"{part}.{key.removesuffix('.weight').removeprefix(TEXT_MODEL)}"] = layer
    if not layers:
        raise AdapterError("the two models have the same weights, so there is nothing to extract: name the tuned model, then its base")
    return ReducedAdapter(
        adapter=Adapter(name=name, layers=layers), error=((lost + beyond) / total) ** 0.5, beyond=(beyond / total) ** 0.5
    )  # fmt: skip


def resize_adapter(adapter: Adapter, rank: int | None, keep: float | None = None) -> ReducedAdapter:
    """Reduce an adapter to a rank, or each layer to the least rank that keeps a share of its change (in Frobenius norms).

    LoHa and LoKr become a LoRA. Raises AdapterError for other kinds.
    """
    layers: dict[str, LoraLayer] = {}
    lost = total = 0.0
    for name, change in adapter.layers.items():
        if not isinstance(change, LoraLayer | HadamardLayer | KroneckerLayer):
            raise AdapterError(f"style '{adapter.name}' changes {name} by what no LoRA holds: only a LoRA, LoHa or LoKr can be resized")
        delta = change.unit_delta(torch.zeros(change.shape, dtype=torch.float64)) * change.scale
        layers[name], left = low_rank_part(delta, rank, keep)
        lost, total = lost + left, total + float(delta.square().sum())
    made = Adapter(name=adapter.name, layers=layers, learned_words=adapter.learned_words, declared_family=adapter.family)
    return ReducedAdapter(adapter=made, error=(lost / total) ** 0.5 if total else 0.0)


def low_rank_part(delta: Tensor, rank: int | None, keep: float | None = None) -> tuple[LoraLayer, float]:
    """Return the best LoRA of a change, (out, in[, height, width]), and its squared error in Frobenius norm."""
    outwards, values, inwards = torch.linalg.svd(delta.flatten(1).double(), full_matrices=False)
    energy = values.square()
    if keep is not None:
        kept = (energy.cumsum(0) / energy.sum().clamp(min=1e-300)).sqrt()
        rank = int((kept < keep).sum()) + 1
    count = min(rank or len(values), len(values))
    roots = values[:count].sqrt()
    down, up = roots[:, None] * inwards[:count], outwards[:, :count] * roots
    layer = LoraLayer(down=down.view(count, *delta.shape[1:]).float(), up=up.view(-1, count, *[1] * (delta.ndim - 2)).float())
    return layer, float(energy[count:].sum())
