"""Adapters (LoRA): read, written, and worn by a checkpoint, which afterwards is what it was to the bit."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sakuga import InputError
from sakuga.diffusion.low_rank import low_rank_change
from sakuga.models.checkpoint import Checkpoint

METADATA = "lora_adapter_metadata"
"""Where diffusers writes an adapter's rank and alpha, as JSON."""
DOWN = (".lora_A.weight", ".lora.down.weight", ".lora_linear_layer.down.weight")
UP = (".lora_B.weight", ".lora.up.weight", ".lora_linear_layer.up.weight")
ALPHA = ".alpha"


class AdapterError(InputError):
    """An adapter that cannot be read or worn; the sentence says which, why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Factors:
    """How one layer's weight is changed: by `scale` times up times down."""

    down: Tensor  # (rank, in[, height, width])
    up: Tensor  # (out, rank[, 1, 1])
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adapter:
    """Changes by layer, such as "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q"; `name` is for people."""

    name: str
    layers: Mapping[str, Factors]


def read_adapter(file: Path, name: str) -> Adapter:
    """Read a `pytorch_lora_weights.safetensors` in diffusers' layout.

    Raises AdapterError where the file cannot be read, holds a key that is none of a LoRA's, or lacks one of a pair.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            about = json.loads((opened.metadata() or {}).get(METADATA, "{}"))
            tensors = {key: opened.get_tensor(key).float() for key in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise AdapterError(f"style '{name}': {file} cannot be read ({error}); fetch or train it again") from None
    if any(value for key, value in about.items() if key.endswith((".use_dora", ".use_rslora", ".rank_pattern", ".alpha_pattern"))):
        raise AdapterError(f"style '{name}': {file} is a LoRA of a kind that cannot be worn yet (DoRA, rsLoRA or a rank for each layer)")
    downs, ups, alphas = (_by_layer(tensors, endings) for endings in (DOWN, UP, (ALPHA,)))
    if unknown := len(tensors) - len(downs) - len(ups) - len(alphas):
        raise AdapterError(f"style '{name}': {unknown} of the {len(tensors)} tensors in {file} are no LoRA in the layout of diffusers")
    if not downs or downs.keys() != ups.keys() or not alphas.keys() <= downs.keys():
        raise AdapterError(f"style '{name}': {file} holds no pairs of LoRA weights, or not all of them; fetch or train it again")
    return Adapter(name=name, layers={layer: _factors(layer, down, ups[layer], alphas.get(layer), about) for layer, down in downs.items()})


def _by_layer(tensors: Mapping[str, Tensor], endings: tuple[str, ...]) -> dict[str, Tensor]:
    return {key.removesuffix(ending): value for key, value in tensors.items() for ending in endings if key.endswith(ending)}


def _factors(layer: str, down: Tensor, up: Tensor, alpha: Tensor | None, about: Mapping[str, Any]) -> Factors:
    """The scale is alpha / rank: by the layer's own alpha, else by the network's, else 1."""
    told = about.get(f"{layer.split('.', 1)[0]}.lora_alpha")
    said = alpha.item() if alpha is not None else told
    return Factors(down=down, up=up, scale=1.0 if said is None else float(said) / down.shape[0])


def write_adapter(adapter: Adapter, file: Path) -> None:
    """Write an adapter in diffusers' layout and half precision; its scales go into the weights."""
    tensors: dict[str, Tensor] = {}
    for layer, factors in sorted(adapter.layers.items()):
        tensors[layer + DOWN[0]] = factors.down.detach().half().cpu().contiguous()
        tensors[layer + UP[0]] = (factors.up * factors.scale).detach().half().cpu().contiguous()
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, {"format": "pt"})


@contextmanager
def wearing(checkpoint: Checkpoint, worn: Sequence[tuple[Adapter, float]]) -> Iterator[None]:
    """Put adapters on, each with its weight, for as long as the block lasts; the weights are summed exactly.

    Raises AdapterError where an adapter has a layer that the checkpoint lacks or that is of another size; nothing is changed then.
    """
    changes = _changes(checkpoint, worn)
    before = {layer: weight.data.clone() for layer, (weight, _) in changes.items()}
    reworded = any(layer.startswith("text_encoder.") for layer in changes)
    try:
        for weight, change in changes.values():
            weight.data.add_(change.to(weight.dtype))
        if reworded:
            checkpoint.forget_texts()
        yield
    finally:
        for layer, (weight, _) in changes.items():
            weight.data.copy_(before[layer])
        if reworded:
            checkpoint.forget_texts()


@torch.no_grad()
def _changes(checkpoint: Checkpoint, worn: Sequence[tuple[Adapter, float]]) -> dict[str, tuple[Tensor, Tensor]]:
    """Return by layer the weight, and what all adapters together add to it."""
    changes: dict[str, tuple[Tensor, Tensor]] = {}
    for adapter, share in worn:
        for layer, factors in adapter.layers.items():
            weight = _weight(checkpoint, adapter, layer, factors)
            change = low_rank_change(factors.down.to(weight.device), factors.up.to(weight.device)) * (factors.scale * share)
            changes[layer] = (weight, changes[layer][1] + change if layer in changes else change)
    return changes


def _weight(checkpoint: Checkpoint, adapter: Adapter, layer: str, factors: Factors) -> Tensor:
    network, _, path = layer.partition(".")
    try:
        weight: Tensor = {"unet": checkpoint.unet, "text_encoder": checkpoint.text_encoder}[network].get_submodule(path).weight
    except (KeyError, AttributeError):
        raise AdapterError(
            f"style '{adapter.name}' was made for another model: it changes {layer}, which '{checkpoint.source.name}' has not"
        ) from None
    wanted = (factors.up.shape[0], *factors.down.shape[1:])
    if tuple(weight.shape) != wanted:
        its, ours = " x ".join(map(str, wanted)), " x ".join(map(str, weight.shape))
        raise AdapterError(
            f"style '{adapter.name}' was made for another model: its {layer} is {its}, and in '{checkpoint.source.name}' it is {ours}"
        )
    return weight
