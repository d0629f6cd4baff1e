"""Blend adapters into one whose change is the weighted sum of theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from sakuga.diffusion.low_rank import joined, truncated
from sakuga.models.adapters import Adapter, AdapterError, Factors
from sakuga.models.families import CALLED


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blended:
    """An adapter made of others, and how far its change is from their sum: relative, over all layers, in Frobenius norms."""

    adapter: Adapter
    error: float = 0.0


def blended(name: str, parts: Sequence[tuple[Adapter, float]], rank: int | None = None) -> Blended:
    """Sum adapters, each times its weight: exactly, by standing their ranks side by side, or as near as one of `rank` comes.

    Learnt words are taken over whole. Raises AdapterError where they were made for different models, or teach the same word twice.
    """
    families = {one.family: one for one, _ in parts if one.family}
    if len(families) > 1:
        said = ", ".join(f"'{one.name}' for {CALLED[family]}" for family, one in families.items())
        raise AdapterError(f"styles for different models cannot be blended: {said}")
    words = tuple(word for one, _ in parts for word in one.words)
    if len({word.trigger.lower() for word in words}) < len(words):
        raise AdapterError("two of the styles teach the same word: rename one with `sakuga style convert --trigger`")
    layers = {layer: _joined(layer, parts) for layer in dict.fromkeys(layer for one, _ in parts for layer in one.layers)}
    lost = whole = 0.0
    if rank is not None:
        for layer, factors in layers.items():
            down, up, values = truncated(factors.down, factors.up, rank)
            layers[layer] = Factors(down=down, up=up)
            lost, whole = lost + float(values[rank:].square().sum()), whole + float(values.square().sum())
    adapter = Adapter(name=name, layers=layers, words=words, said_for=next(iter(families), None))
    return Blended(adapter=adapter, error=(lost / whole) ** 0.5 if whole else 0.0)


def _joined(layer: str, parts: Sequence[tuple[Adapter, float]]) -> Factors:
    having = [(one, one.layers[layer], weight) for one, weight in parts if layer in one.layers]
    shapes = {(factors.up.shape[0], *_window(factors)) for _, factors, _ in having}
    if len(shapes) > 1:
        names = ", ".join(f"'{one.name}' ({factors.up.shape[0]} x {factors.down.shape[1]})" for one, factors, _ in having)
        raise AdapterError(f"styles for different models cannot be blended: {layer} is of other sizes in {names}")
    window = _window(having[0][1])
    pairs = [
        (factors.down.view(factors.rank, *window), factors.up.view(-1, factors.rank, *[1] * (len(window) - 1)), factors.scale * weight)
        for _, factors, weight in having
    ]
    down, up = joined(pairs)
    return Factors(down=down, up=up)


def _window(factors: Factors) -> torch.Size:
    """What a layer reads; a convolution over one pixel and a linear layer are the same."""
    shape = factors.down.shape[1:]
    return shape[:1] if shape[1:] == (1, 1) else shape
