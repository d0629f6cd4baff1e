"""Reference attention: frames attend to a reference image, so that its look stays.

Training-free: keys and values of the reference's self-attention are appended to those of each frame, as in "reference-only" control and
StoryDiffusion's consistent self-attention (Zhou et al. 2024).
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import log
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.models.attention_processors import replaced_processors
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.denoiser import call_unet

SelfAttentionInputs = Mapping[str, Tensor]
"""By layer: what a reference's self-attention read, (1, tokens, channels)."""

KEPT_BYTES = 256 * 2**20
"""Self-attention of a reference that stays in memory: every step on the Sketchbook, some steps at 512 pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceImage:
    """A reference image as frames attend to it, on one checkpoint with one sampler.

    What its self-attention read at a step is kept for the next frames, as far as it fits in `KEPT_BYTES`.
    """

    latents: Tensor  # (1, channels, h, w)
    noise: Tensor  # (1, channels, h, w): what it is noised with at every step
    prompt_embeds: Tensor  # (1, rows, channels) of its own prompt
    weight: float
    """Weight of its tokens against a frame's own: 0.0 is off, 1.0 counts them alike."""
    _read: dict[int, SelfAttentionInputs] = field(default_factory=dict)
    """By step."""

    @contextmanager
    def attended(self, checkpoint: Checkpoint, scheduler: Any, timestep: Tensor, step: int) -> Iterator[None]:
        """Let the checkpoint's UNet attend to it inside a block, at one of the scheduler's steps, counted from 0."""
        read = self._read.get(step) or self._self_attention(checkpoint, scheduler, timestep)
        if step not in self._read and _bytes(read) * (len(self._read) + 1) <= KEPT_BYTES:
            self._read[step] = read
        with attending(checkpoint.unet, read, self.weight):
            yield

    def _self_attention(self, checkpoint: Checkpoint, scheduler: Any, timestep: Tensor) -> SelfAttentionInputs:
        noisy = scheduler.add_noise(self.latents, self.noise, timestep.reshape(1))
        noisy = scheduler.scale_model_input(noisy, timestep).to(checkpoint.dtype)
        return record_self_attention(checkpoint, noisy, timestep, self.prompt_embeds)


def _bytes(read: SelfAttentionInputs) -> int:
    return sum(tokens.nbytes for tokens in read.values())


def record_self_attention(checkpoint: Checkpoint, latents: Tensor, timestep: Tensor | int, prompt_embeds: Tensor) -> SelfAttentionInputs:
    """Return what self-attention reads for one noisy image, (1, channels, h, w).

    The image is run alone, so its bits do not depend on the frames that attend to it.
    """
    recorder = checkpoint.custom_recorder or SelfAttentionRecorder(checkpoint.unet)
    read = call_unet(recorder, checkpoint.info, latents, timestep, prompt_embeds)
    return dict(zip(_self_attention(checkpoint.unet), read, strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class SelfAttentionRecorder:
    """A UNet that returns what its self-attention reads in place of its prediction."""

    unet: Any

    @property
    def config(self) -> Any:
        return self.unet.config

    def __call__(self, *inputs: Any, return_dict: bool = False, **named: Any) -> tuple[Tensor, ...]:
        """Return a tensor for each layer, (rows, tokens, channels)."""
        return run_recorded(self.unet, *inputs, **named)


def run_recorded(network: nn.Module, *inputs: Any, **named: Any) -> tuple[Tensor, ...]:
    """Run a UNet; returns what each layer of its self-attention reads."""
    recorded: dict[str, Tensor] = {}
    layers = _self_attention(network)
    with replaced_processors(_layers(network, layers), lambda name, inner: _Recorder(name, recorded, inner)):
        network(*inputs, **named, return_dict=False)
    return tuple(recorded[name] for name in layers)


@contextmanager
def attending(network: nn.Module, reference: SelfAttentionInputs, weight: float) -> Iterator[None]:
    """Let a UNet's rows attend to a reference inside a block; at weight 0.0 nothing changes."""
    if not weight:
        yield
        return
    with attending_to(network, AttendedReference(tokens=reference, bias=torch.tensor(log(weight)))):
        yield


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttendedReference:
    """A reference in the layers of a network."""

    tokens: SelfAttentionInputs
    bias: Tensor  # ()
    """What the logits of its tokens are raised by: the logarithm of their weight."""

    @classmethod
    def of(cls, layers: Mapping[str, Any]) -> "AttendedReference | None":
        """Return what the attention layers of a network attend to, by name; None without a reference."""
        attenders = {name: layer.processor for name, layer in layers.items() if isinstance(layer.processor, Attender)}
        bias = next((one.bias for one in attenders.values()), None)
        return None if bias is None else cls(tokens={name: one.tokens for name, one in attenders.items()}, bias=bias)


@contextmanager
def attending_to(network: nn.Module, reference: AttendedReference) -> Iterator[None]:
    """Let a network's rows attend to a reference inside a block, in place of an earlier one."""

    def attender(name: str, inner: Any) -> Attender:
        return Attender(reference.tokens[name], reference.bias, inner.inner if isinstance(inner, Attender) else inner)

    with replaced_processors(_layers(network, reference.tokens), attender):
        yield


def _self_attention(network: nn.Module) -> list[str]:
    """Return the names of an image UNet's self-attention layers."""
    return [name for name, _ in network.named_modules() if name.endswith(".attn1")]


def _layers(network: nn.Module, names: Iterable[str]) -> dict[str, Any]:
    return {name: network.get_submodule(name) for name in names}


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
class Attender:
    """A processor that appends a reference's tokens to a layer's keys and values."""

    tokens: Tensor  # (1, tokens, channels)
    bias: Tensor  # (), what their logits are raised by
    inner: Any

    def __call__(self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Tensor | None = None, **inputs: Any) -> Tensor:
        rows, own, _ = hidden_states.shape
        both = torch.cat([hidden_states, self.tokens.expand(rows, -1, -1)], dim=1)
        raised = self.bias.to(both).expand(rows, 1, self.tokens.shape[1])
        mask = torch.cat([both.new_zeros(rows, 1, own), raised], dim=-1)
        output: Tensor = self.inner(attn, hidden_states, encoder_hidden_states=both, attention_mask=mask)
        return output
