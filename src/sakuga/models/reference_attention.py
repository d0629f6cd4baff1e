"""Reference attention: frames attend to a reference image, so that its look stays.

Training-free: keys and values of the reference's self-attention are appended to those of each frame, as in "reference-only" control and
StoryDiffusion's consistent self-attention (Zhou et al. 2024).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import log
from typing import Any

import torch
from torch import Tensor

from sakuga.models.checkpoint import Checkpoint
from sakuga.models.denoiser import UNetDenoiser

SelfAttentionInputs = Mapping[str, Tensor]
"""By layer: what a reference's self-attention read, (1, tokens, channels)."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceImage:
    """A reference image as frames attend to it."""

    latents: Tensor  # (1, channels, h, w)
    noise: Tensor  # (1, channels, h, w): what it is noised with at every step
    prompt_embeds: Tensor  # (1, rows, channels) of its own prompt
    weight: float
    """Weight of its tokens against a frame's own: 0.0 is off, 1.0 counts them alike."""

    @contextmanager
    def attended(self, checkpoint: Checkpoint, scheduler: Any, timestep: Tensor) -> Iterator[None]:
        """Let the checkpoint's UNet attend to it inside a block, at one timestep."""
        noisy = scheduler.add_noise(self.latents, self.noise, timestep.reshape(1))
        noisy = scheduler.scale_model_input(noisy, timestep).to(checkpoint.dtype)
        with attending(checkpoint.unet, record_self_attention(checkpoint, noisy, timestep, self.prompt_embeds), self.weight):
            yield


def torch_networks(checkpoint: Checkpoint) -> Checkpoint:
    """Return a checkpoint with torch's networks, whose attention can be changed, in place of compiled ones."""
    return replace(checkpoint, custom_denoiser=None, wrap_motion=None)


def record_self_attention(checkpoint: Checkpoint, latents: Tensor, timestep: Tensor | int, prompt_embeds: Tensor) -> SelfAttentionInputs:
    """Return what self-attention reads for one noisy image, (1, channels, h, w).

    The image is run alone, so its bits do not depend on the frames that attend to it.
    """
    recorded: dict[str, Tensor] = {}
    with _processors(checkpoint.unet, lambda name, inner: _Recorder(name, recorded, inner)):
        UNetDenoiser(checkpoint.unet, checkpoint.info).forward(latents, timestep, prompt_embeds)
    return recorded


@contextmanager
def attending(network: Any, reference: SelfAttentionInputs, weight: float) -> Iterator[None]:
    """Let an image UNet's rows attend to a reference inside a block; at weight 0.0 nothing changes."""
    if not weight:
        yield
        return
    with _processors(network, lambda name, inner: _Attender(reference[name], log(weight), inner)):
        yield


@contextmanager
def _processors(network: Any, make: Callable[[str, Any], Any]) -> Iterator[None]:
    """Replace the processors of self-attention inside a block."""
    layers = {name: module for name, module in network.named_modules() if name.endswith(".attn1")}
    before = {name: layer.processor for name, layer in layers.items()}
    try:
        for name, layer in layers.items():
            layer.set_processor(make(name, before[name]))
        yield
    finally:
        for name, layer in layers.items():
            layer.set_processor(before[name])


@dataclass(frozen=True, slots=True, eq=False)
class _Recorder:
    """Keeps what a layer reads."""

    name: str
    recorded: dict[str, Tensor]
    inner: Any

    def __call__(self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **inputs: Any) -> Tensor:
        self.recorded[self.name] = hidden_states
        output: Tensor = self.inner(attn, hidden_states, encoder_hidden_states=encoder_hidden_states, **inputs)
        return output


@dataclass(frozen=True, slots=True, eq=False)
class _Attender:
    """Appends the reference's tokens to a layer's keys and values.

    Their logits are raised by `bias`, the logarithm of their weight.
    """

    reference: Tensor  # (1, tokens, channels)
    bias: float
    inner: Any

    def __call__(self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **inputs: Any) -> Tensor:
        rows, own, _ = hidden_states.shape
        both = torch.cat([hidden_states, self.reference.expand(rows, -1, -1)], dim=1)
        mask = both.new_zeros(rows, 1, both.shape[1])
        mask[..., own:] = self.bias
        output: Tensor = self.inner(attn, hidden_states, encoder_hidden_states=both, attention_mask=mask)
        return output
