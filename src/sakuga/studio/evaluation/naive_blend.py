"""A blend that is wrong, to be held against the right one: the factors of two adapters averaged, as is often done."""

from pathlib import Path

import torch
from torch import Tensor

from sakuga import InputError
from sakuga.models.adapters import Adapter, Factors, read_adapter, write_adapter
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_metadata import About, about_text
from sakuga.models.styles import ABOUT, LORA
from sakuga.studio.core.styles import find_styles, triggers


def naive_blend(asked: str, model: str, out: Path) -> None:
    """Write the adapter whose factors are the weighted sums of the factors of the styles that are asked for, into a folder.

    The change of a layer is up times down, so this is no weighted sum of changes: of two at one half each it keeps a quarter of both, and
    adds the products of one's up with the other's down. It is called by the same words as they are. Raises InputError where ranks or
    layers differ, as then there is nothing to sum.
    """
    found = find_styles(asked, find_checkpoint(model))
    read = [(read_adapter(one.style.files[0], one.style.name), one.weight) for one in found]
    layers = read[0][0].layers.keys()
    if any(adapter.layers.keys() != layers for adapter, _ in read):
        raise InputError("adapters of different layers have no factors to average: teach them alike")
    write_adapter(Adapter(name="naive", layers={layer: _averaged(layer, read) for layer in layers}), out / LORA)
    (out / ABOUT).write_text(about_text(About(trigger=", ".join(triggers(found)))), encoding="utf-8")


def _averaged(layer: str, read: list[tuple[Adapter, float]]) -> Factors:
    factors = [(adapter.layers[layer], weight) for adapter, weight in read]
    if len({(one.down.shape, one.up.shape) for one, _ in factors}) > 1:
        raise InputError("adapters of different ranks have no factors to average: teach them with one rank")
    down = _sum([one.down * weight for one, weight in factors])
    return Factors(down=down, up=_sum([one.up * one.scale * weight for one, weight in factors]))


def _sum(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts).sum(dim=0)
