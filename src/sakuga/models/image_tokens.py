"""Projections of IP-Adapters: from what an image encoder sees to tokens beside those of a prompt (Ye et al. 2023)."""

from collections.abc import Mapping
from itertools import count, takewhile
from typing import assert_never

import torch
from torch import Tensor
from torch.nn import functional

from sakuga.models.ip_adapter_files import ImageProjection

LINEAR_TOKENS = 4
"""Tokens of a linear projection; its file does not say how many."""
HEAD_CHANNELS = 64
"""Channels of a head of the resampler."""

Weights = Mapping[str, Tensor]
"""By their names in the file, behind `image_proj.`."""


def image_tokens(kind: ImageProjection, weights: Weights, seen: Tensor) -> Tensor:
    """Return tokens, (n, tokens, channels), of an image's embedding, (n, channels), or of the encoder's tokens, (n, tokens, channels)."""
    match kind:
        case "linear":
            tokens = _linear(weights, "proj", seen).reshape(len(seen), LINEAR_TOKENS, -1)
            return _norm(weights, "norm", tokens)
        case "full":
            return _norm(weights, "proj.3", _linear(weights, "proj.2", functional.gelu(_linear(weights, "proj.0", seen))))
        case "plus":
            return _resample(weights, seen)
        case _:
            assert_never(kind)


def _resample(weights: Weights, seen: Tensor) -> Tensor:
    """Gather the encoder's tokens in a few learnt ones (Perceiver; Jaegle et al. 2021)."""
    seen = _linear(weights, "proj_in", seen)
    latents = weights["latents"].expand(len(seen), -1, -1)
    for block in takewhile(lambda name: f"{name}.0.to_q.weight" in weights, (f"layers.{place}" for place in count())):
        latents = latents + _gather(weights, f"{block}.0", seen, latents)
        hidden = functional.gelu(_linear(weights, f"{block}.1.1", _norm(weights, f"{block}.1.0", latents)))
        latents = latents + _linear(weights, f"{block}.1.3", hidden)
    return _norm(weights, "norm_out", _linear(weights, "proj_out", latents))


def _gather(weights: Weights, layer: str, seen: Tensor, latents: Tensor) -> Tensor:
    """Let latents attend to tokens and to themselves."""
    latents = _norm(weights, f"{layer}.norm2", latents)
    both = torch.cat([_norm(weights, f"{layer}.norm1", seen), latents], dim=1)
    parts = (_linear(weights, f"{layer}.to_q", latents), *_linear(weights, f"{layer}.to_kv", both).chunk(2, dim=-1))
    query, key, value = (part.reshape(*part.shape[:2], -1, HEAD_CHANNELS).transpose(1, 2) for part in parts)
    attended = functional.scaled_dot_product_attention(query, key, value)
    return _linear(weights, f"{layer}.to_out", attended.transpose(1, 2).flatten(2))


def _linear(weights: Weights, name: str, values: Tensor) -> Tensor:
    return functional.linear(values, weights[f"{name}.weight"], weights.get(f"{name}.bias"))


def _norm(weights: Weights, name: str, values: Tensor) -> Tensor:
    weight = weights[f"{name}.weight"]
    return functional.layer_norm(values, weight.shape, weight, weights[f"{name}.bias"])
