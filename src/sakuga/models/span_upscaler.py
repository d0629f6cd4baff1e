"""SPAN, a fast upscaler with parameter-free attention (Wan et al. 2023)."""

from collections.abc import Mapping
from math import isqrt

import torch
from torch import Tensor
from torch.nn import functional

BLOCKS = range(1, 7)
MEAN, RANGE = (0.4488, 0.4371, 0.4040), 255.0
"""Mean color of its training images, and the scale of its inputs; a file with `no_norm` takes images as they are."""

Weights = Mapping[str, Tensor]


def folded_span(weights: Weights) -> dict[str, Tensor]:
    """Return the weights of a network with each three-layer convolution folded into one (section 3.3)."""
    folded = {layer: _folded(weights, layer) for layer in ("conv_1", "conv_2", *_block_layers())}
    named = {f"{layer}.{part}": value for layer, pair in folded.items() for part, value in zip(("weight", "bias"), pair, strict=True)}
    kept = {name: value for name, value in weights.items() if name.startswith(("conv_cat.", "upsampler.", "no_norm"))}
    return named | kept


def span_scale(weights: Weights) -> int:
    """Return how much it enlarges."""
    return isqrt(weights["upsampler.0.weight"].shape[0] // 3)


def span(weights: Weights, x: Tensor) -> Tensor:
    """Enlarge images, (n, 3, h, w) from 0 to 1, by folded weights."""
    shown = x if "no_norm" in weights else (x - x.new_tensor(MEAN).reshape(1, 3, 1, 1)) * RANGE
    first = _convolve(weights, "conv_1", shown)
    features, after_first, inside = first, first, first
    for block in BLOCKS:
        features, inside = _attend(weights, f"block_{block}", features)
        after_first = features if block == BLOCKS[0] else after_first
    gathered = torch.cat([first, _convolve(weights, "conv_2", features), after_first, inside], dim=1)
    mixed = functional.conv2d(gathered, weights["conv_cat.weight"], weights["conv_cat.bias"])
    return functional.pixel_shuffle(_convolve(weights, "upsampler.0", mixed), span_scale(weights))


def _attend(weights: Weights, block: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Run a block; returns its output and what its first layer gave, which is activated in place."""
    inside = functional.silu(_convolve(weights, f"{block}.c1_r", x))
    last = _convolve(weights, f"{block}.c3_r", functional.silu(_convolve(weights, f"{block}.c2_r", inside)))
    return (last + x) * (torch.sigmoid(last) - 0.5), inside


def _block_layers() -> list[str]:
    return [f"block_{block}.c{layer}_r" for block in BLOCKS for layer in (1, 2, 3)]


def _folded(weights: Weights, layer: str) -> tuple[Tensor, Tensor]:
    """Return weight and bias of one 3x3 convolution that equals layers of 1x1, 3x3 and 1x1 beside one of 1x1."""
    parts = ("conv.0", "conv.1", "conv.2", "sk")
    widen, spread, narrow, skip = (weights[f"{layer}.{part}.weight"] for part in parts)
    widen_bias, spread_bias, narrow_bias, skip_bias = (weights[f"{layer}.{part}.bias"] for part in parts)
    weight = torch.einsum("ob,baxy,ai->oixy", narrow[..., 0, 0], spread, widen[..., 0, 0])
    weight[..., 1:2, 1:2] += skip
    inner = spread_bias + torch.einsum("baxy,a->b", spread, widen_bias)
    return weight, narrow_bias + narrow[..., 0, 0] @ inner + skip_bias


def _convolve(weights: Weights, name: str, x: Tensor) -> Tensor:
    return functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)
