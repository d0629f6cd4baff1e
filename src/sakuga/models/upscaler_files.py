"""Upscalers from files: ESRGAN, Real-ESRGAN, its compact networks and SPAN, read from safetensors.

Scale and sizes follow from the shapes of the weights. Networks run in overlapping tiles, so that large images fit in memory.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from math import isqrt
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.image_tensors import Images, to_levels, to_pixels
from sakuga.models.span_upscaler import folded_span, span, span_scale
from sakuga.models.tensor_files import load_tensors
from sakuga.models.upscaler_kinds import PREFIX, check_upscaler

TILE, HALO = 256, 32
"""Pixels of a tile's side, and what it sees of its neighbors on each side."""
SLOPE, RESIDUAL = 0.2, 0.2
"""Slope of leaky ReLUs, and the scale of residuals (Wang et al. 2018, section 3.1)."""
OLD_TOP = re.compile(r"model\.(\d+)\.(weight|bias)")
OLD_DENSE = re.compile(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.(weight|bias)")

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UpscalerFile:
    """An upscaler: its scale, and the function from (n, 3, h, w) in 0 to 1 to the same times the scale."""

    scale: int
    run: Callable[[Tensor], Tensor]

    @torch.inference_mode()
    def __call__(self, image: Images) -> Images:
        """Enlarge an image, (height, width, 3) uint8, or float grey levels without rounding."""
        pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
        large = in_tiles(self.run, pixels, self.scale).clamp(0, 1) * 2 - 1
        enlarged: Images = to_pixels(large)[0] if image.dtype == np.uint8 else to_levels(large)[0].contiguous().cpu().numpy()
        return enlarged


def open_upscaler(path: Path) -> UpscalerFile:
    """Open an upscaler by its layout; raises CheckpointError for any other file."""
    kind = check_upscaler(path)
    try:
        weights = {PREFIX.sub("", name): value.float() for name, value in load_tensors(path).items()}
        match kind:
            case "old esrgan":
                upscaler = _dense_upscaler(with_new_names(weights))
            case "esrgan":
                upscaler = _dense_upscaler(weights)
            case "compact":
                upscaler = _compact_upscaler(weights)
            case "span":
                upscaler = _span_upscaler(weights)
    except (SafetensorError, OSError, KeyError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"upscaler '{path}' has missing or unknown weights ({error}): download it again") from None
    if upscaler.scale < 2:
        raise CheckpointError(f"upscaler '{path}' mends images without enlarging them (1x): give one of 2x or 4x")
    return upscaler


def in_tiles(run: Callable[[Tensor], Tensor], image: Tensor, scale: int, tile: int = TILE, halo: int = HALO) -> Tensor:
    """Run an upscaler in tiles; each sees `halo` pixels around itself, which are cut away, so that no seam shows.

    Equals the whole image at once where the network sees no farther than the halo.
    """
    height, width = image.shape[-2:]
    rows = []
    for top in range(0, height, tile):
        row = []
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            above, before = max(top - halo, 0), max(left - halo, 0)
            seen = image[..., above : min(bottom + halo, height), before : min(right + halo, width)]
            start, begin = (top - above) * scale, (left - before) * scale
            made = run(seen)
            row.append(made[..., start : start + (bottom - top) * scale, begin : begin + (right - left) * scale])
        rows.append(torch.cat(row, dim=-1))
    return torch.cat(rows, dim=-2)


def with_new_names(weights: Weights) -> dict[str, Tensor]:
    """Return weights of ESRGAN's first layout by their names in Real-ESRGAN."""
    places = sorted({int(found[1]) for name in weights if (found := OLD_TOP.fullmatch(name)) and found[1] != "0"})
    *ups, last_but_one, last = places
    tops = {
        0: "conv_first",
        **{place: f"conv_up{number}" for number, place in enumerate(ups, 1)},
        last_but_one: "conv_hr",
        last: "conv_last",
    }
    named = {}
    for name, value in weights.items():
        if found := OLD_TOP.fullmatch(name):
            named[f"{tops[int(found[1])]}.{found[2]}"] = value
        elif found := OLD_DENSE.fullmatch(name):
            named[f"body.{found[1]}.rdb{found[2]}.conv{found[3]}.{found[4]}"] = value
        else:
            named[re.sub(r"model\.1\.sub\.\d+\.", "conv_body.", name)] = value
    return named


def _convolve(weights: Weights, name: str, x: Tensor) -> Tensor:
    return functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)


def _leaky(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, SLOPE)


def _dense_upscaler(weights: Weights) -> UpscalerFile:
    """Return a network of residual-in-residual dense blocks (Wang et al. 2018, "ESRGAN").

    One for 2x or 1x first folds the image to a quarter or a sixteenth (Wang et al. 2021, "Real-ESRGAN").
    """
    folded = isqrt(weights["conv_first.weight"].shape[1] // 3)
    ups = next(number for number in count(1) if f"conv_up{number}.weight" not in weights) - 1
    blocks = next(number for number in count() if f"body.{number}.rdb1.conv1.weight" not in weights)
    _dense(weights, blocks, ups, folded, torch.zeros(1, 3, 4 * folded, 4 * folded))
    return UpscalerFile(scale=2**ups // folded, run=partial(_dense, weights, blocks, ups, folded))


def _dense(weights: Weights, blocks: int, ups: int, folded: int, x: Tensor) -> Tensor:
    height, width = x.shape[-2:]
    if folded > 1:
        x = functional.pad(x, (0, -width % folded, 0, -height % folded), mode="replicate")
        x = functional.pixel_unshuffle(x, folded)
    first = _convolve(weights, "conv_first", x)
    features = first
    for block in range(blocks):
        inner = features
        for part in (1, 2, 3):
            inner = _dense_block(weights, f"body.{block}.rdb{part}", inner)
        features = features + RESIDUAL * inner
    features = first + _convolve(weights, "conv_body", features)
    for number in range(1, ups + 1):
        features = _leaky(_convolve(weights, f"conv_up{number}", functional.interpolate(features, scale_factor=2, mode="nearest")))
    made = _convolve(weights, "conv_last", _leaky(_convolve(weights, "conv_hr", features)))
    scale = 2**ups // folded
    return made[..., : height * scale, : width * scale]


def _dense_block(weights: Weights, name: str, x: Tensor) -> Tensor:
    known = [x]
    for layer in (1, 2, 3, 4):
        known.append(_leaky(_convolve(weights, f"{name}.conv{layer}", torch.cat(known, dim=1))))
    return x + RESIDUAL * _convolve(weights, f"{name}.conv5", torch.cat(known, dim=1))


def _compact_upscaler(weights: Weights) -> UpscalerFile:
    """Return a row of convolutions whose output is added to the enlarged image (Real-ESRGAN's SRVGGNetCompact)."""
    layers = sorted({int(name.split(".")[1]) for name in weights if name.startswith("body.")})
    scale = isqrt(weights[f"body.{layers[-1]}.weight"].shape[0] // 3)
    run = partial(_compact, weights, layers, scale)
    run(torch.zeros(1, 3, 4, 4))
    return UpscalerFile(scale=scale, run=run)


def _span_upscaler(weights: Weights) -> UpscalerFile:
    run = partial(span, folded_span(weights))
    run(torch.zeros(1, 3, 4, 4))
    return UpscalerFile(scale=span_scale(weights), run=run)


def _compact(weights: Weights, layers: list[int], scale: int, x: Tensor) -> Tensor:
    features = x
    for layer in layers:
        weight = weights[f"body.{layer}.weight"]
        features = functional.prelu(features, weight) if weight.ndim == 1 else _convolve(weights, f"body.{layer}", features)
    return functional.pixel_shuffle(features, scale) + functional.interpolate(x, scale_factor=scale, mode="nearest")
