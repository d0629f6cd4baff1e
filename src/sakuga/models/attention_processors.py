"""Processors of attention layers, replaced for a while."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced_processors(layers: Mapping[str, Any], make: Callable[[str, Any], Any]) -> Iterator[None]:
    """Replace the processors of attention layers inside a block.

    `layers` are by name; `make` gets a layer's name and its processor, and returns the one in its place.
    """
    before = {name: layer.processor for name, layer in layers.items()}
    try:
        for name, layer in layers.items():
            layer.set_processor(make(name, before[name]))
        yield
    finally:
        for name, layer in layers.items():
            layer.set_processor(before[name])
