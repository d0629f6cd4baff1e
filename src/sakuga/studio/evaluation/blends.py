"""A blend that is wrong, to be held against the right one: the factors of two adapters averaged, as is often done."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from sakuga import InputError
from sakuga.models.adapters import Adapter, Factors, read_adapter, write_adapter
from sakuga.models.styles import LORA


def naive_blend(styles: Sequence[tuple[Path, float]], out: Path) -> None:
    """Write the adapter whose factors are the weighted sums of others' factors, into a folder.

    The change of a layer is up times down, so this is no weighted sum of changes: of two at one half each it keeps a quarter of both, and
    adds the products of one's up with the other's down. Raises InputError where ranks or layers differ, as then there is nothing to sum.
    """
    read = [(read_adapter(folder / LORA, folder.name), weight) for folder, weight in styles]
    layers = read[0][0].layers.keys()
    if any(adapter.layers.keys() != layers for adapter, _ in read):
        raise InputError("adapters of different layers have no factors to average: teach them alike")
    write_adapter(Adapter(name="naive", layers={layer: _averaged(layer, read) for layer in layers}), out / LORA)


def _averaged(layer: str, read: Sequence[tuple[Adapter, float]]) -> Factors:
    factors = [(adapter.layers[layer], weight) for adapter, weight in read]
    if len({(one.down.shape, one.up.shape) for one, _ in factors}) > 1:
        raise InputError("adapters of different ranks have no factors to average: teach them with one rank")
    down = _sum([one.down * weight for one, weight in factors])
    return Factors(down=down, up=_sum([one.up * one.scale * weight for one, weight in factors]))


def _sum(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts).sum(dim=0)
