"""Naive LoRA blending by averaged factors."""

from pathlib import Path

import torch
from torch import Tensor

from sakuga import InputError
from sakuga.files import write_text
from sakuga.models.adapters import Adapter, LoraLayer, read_adapter, write_adapter
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_files import LORA_FILE, STYLE_FILE
from sakuga.models.style_metadata import StyleMetadata, format_metadata
from sakuga.studio.core.styles import find_styles, trigger_words


def naive_blend(styles: str, model: str, out: Path) -> None:
    """Write the average of several styles' factors.

    A layer's delta is up @ down, so this is no weighted sum of deltas: two styles at 0.5 keep a quarter of each, plus cross terms. The
    result has all their trigger words. Raises InputError where ranks or layers differ.
    """
    found = find_styles(styles, find_checkpoint(model))
    read = [(read_adapter(one.style.files[0], one.style.name), one.weight) for one in found]
    layers = read[0][0].layers.keys()
    if any(adapter.layers.keys() != layers for adapter, _ in read):
        raise InputError("adapters of different layers have no factors to average: train them with the same settings")
    write_adapter(Adapter(name="naive", layers={layer: _average(layer, read) for layer in layers}), out / LORA_FILE)
    write_text(out / STYLE_FILE, format_metadata(StyleMetadata(trigger=", ".join(trigger_words(found)))))


def _average(layer: str, read: list[tuple[Adapter, float]]) -> LoraLayer:
    factors = [(adapter.low_rank_layers()[layer], weight) for adapter, weight in read]
    if len({(one.down.shape, one.up.shape) for one, _ in factors}) > 1:
        raise InputError("adapters of different ranks have no factors to average: train them with the same rank")
    down = _sum([one.down * weight for one, weight in factors])
    return LoraLayer(down=down, up=_sum([one.up * one.scale * weight for one, weight in factors]))


def _sum(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts).sum(dim=0)
