"""Guided batches: until a UNet reads the prompt, unconditional and conditional rows are the same, and are computed once."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


def common_half(latents: Tensor, timestep: Tensor | int) -> tuple[Tensor, Tensor | int]:
    """Return the first half of a batch whose halves are equal; any other batch as it is."""
    half = len(latents) // 2
    if len(latents) != 2 * half or not torch.equal(latents[:half], latents[half:]):
        return latents, timestep
    if not isinstance(timestep, Tensor) or timestep.ndim == 0:
        return latents[:half], timestep
    return (latents[:half], timestep[:half]) if torch.equal(timestep[:half], timestep[half:]) else (latents, timestep)


def run_guided(network: nn.Module, latents: Tensor, timestep: Any, *, encoder_hidden_states: Tensor, **named: Any) -> Any:
    """Run a UNet on latents of which there may be half as many as prompt embeddings."""
    with repeated_rows(network, len(encoder_hidden_states)):
        return network(latents, timestep, encoder_hidden_states=encoder_hidden_states, **named, return_dict=False)


@contextmanager
def repeated_rows(network: Any, rows: int) -> Iterator[None]:
    """Let a UNet of diffusers repeat its batch up to `rows` inside a block, where it first attends to the prompt."""
    hooks = [one.register_forward_pre_hook(partial(_repeat_input, rows)) for one in _having(network, "transformer_blocks")]
    hooks += [one.register_forward_pre_hook(_repeat_time) for one in _having(network, "time_emb_proj")]
    hooks += [one.register_forward_pre_hook(partial(_repeat_skips, rows), with_kwargs=True) for one in network.up_blocks]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _having(network: nn.Module, part: str) -> list[nn.Module]:
    return [module for module in network.modules() if hasattr(module, part)]


def _repeat_input(rows: int, _: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    hidden, *others = inputs
    return _repeated(hidden, rows), *others


def _repeat_time(_: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    hidden, embeds, *others = inputs
    return hidden, _repeated(embeds, len(hidden)), *others


def _repeat_skips(rows: int, _: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    skips = tuple(_repeated(skip, rows) for skip in named["res_hidden_states_tuple"])
    return inputs, named | {"res_hidden_states_tuple": skips}


def _repeated(tensor: Tensor, rows: int) -> Tensor:
    """Repeat a batch up to a number of rows; len() is a constant of traced graphs."""
    times = rows // len(tensor)
    return tensor if times == 1 else tensor.repeat(times, *[1] * (tensor.ndim - 1))
