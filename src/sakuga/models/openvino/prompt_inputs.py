"""Keys and values of prompts as inputs of graphs: computed once, not at every step."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.models.memoization import PromptProjection


class PromptInputs:
    """What the cross-attention of a network takes from prompt embeddings; that of the last ones stays in memory."""

    def __init__(self, network: nn.Module) -> None:
        takes_them_as_they_are = all(getattr(part, "encoder_hid_proj", None) is None for part in network.modules())
        layers = network.named_modules() if takes_them_as_they_are else ()
        self._layers = {name: layer for name, layer in layers if isinstance(layer, PromptProjection)}
        self._last: tuple[Tensor, tuple[int, ...], dict[str, Tensor]] | None = None

    def __call__(self, prompt_embeds: Tensor | None) -> dict[str, Any]:
        """Return keys and values, (rows, tokens, channels) by layer, as a named input; nothing without layers or embeddings."""
        if prompt_embeds is None or not self._layers:
            return {}
        versions, last = tuple(layer.weight._version for layer in self._layers.values()), self._last
        if last is None or last[1] != versions or not torch.equal(last[0], prompt_embeds):
            values = {name: layer(prompt_embeds) for name, layer in self._layers.items()}
            self._last = last = (prompt_embeds.clone(), versions, values)
        return {"prompt": last[2]}


@contextmanager
def given_prompt(network: nn.Module, values: Mapping[str, Tensor]) -> Iterator[None]:
    """Let a network's layers return given keys and values inside a block."""
    hooks = [network.get_submodule(name).register_forward_hook(partial(_given, value)) for name, value in values.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _given(value: Tensor, *_: Any) -> Tensor:
    return value
