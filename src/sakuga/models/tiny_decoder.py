"""Small decoders for previews (TAESD), from a file in $SAKUGA_HOME/vae_approx."""

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.diffusers_classes import DecoderTiny
from sakuga.models.tensor_files import load_tensors
from sakuga.paths import home

FOLDER = "vae_approx"
CONVOLUTION, BLOCK = re.compile(r"(\d+)\.weight"), re.compile(r"(\d+)\.conv\.0\.weight")


def tiny_decoder_file(is_xl: bool) -> Path:
    """Return where the decoder of a latent space is looked for, by its published name."""
    return home() / FOLDER / f"{'taesdxl' if is_xl else 'taesd'}_decoder.safetensors"


def open_tiny_decoder(path: Path, channels: int, factor: int) -> Any:
    """Open a TAESD decoder, whose sizes follow from its weights; raises CheckpointError.

    `channels` and `factor` are those of the latents that it has to decode.
    """
    try:
        weights = load_tensors(path)
        network = _network(weights)
        network.load_state_dict({_diffusers_name(name): value.float() for name, value in weights.items()})
    except (SafetensorError, OSError, KeyError, ValueError, IndexError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(f"{path} is no TAESD decoder ({reason}): download it again, or delete it") from None
    found = (weights["1.weight"].shape[1], 2 ** (len(_convolutions(weights)) - 2))
    if found != (channels, factor):
        sizes = f"{channels} channels at 1/{factor} of an image's size"
        raise CheckpointError(f"{path} decodes {found[0]} channels at 1/{found[1]}, and this model's latents have {sizes}: delete it")
    return network.eval().requires_grad_(False)


@torch.inference_mode()
def tiny_decode(latents: Tensor, network: Any) -> np.ndarray:
    """Decode latents as they are sampled, (n, channels, h, w) to (n, height, width, 3) from 0 to 1."""
    decoded: np.ndarray = (network(latents.float().cpu()) / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    return decoded


def _network(weights: Mapping[str, Tensor]) -> Any:
    places = _convolutions(weights)
    blocks = [int(found[1]) for name in weights if (found := BLOCK.fullmatch(name))]
    counts = tuple(sum(first < block < last for block in blocks) for first, last in pairwise(places))
    width, channels = weights["1.weight"].shape[:2]
    return DecoderTiny(channels, 3, counts, (width,) * len(counts), 2, "relu", "nearest")


def _convolutions(weights: Mapping[str, Tensor]) -> list[int]:
    """Return the places of the convolutions between blocks: the first, one after each enlargement, and the last."""
    return sorted(int(found[1]) for name in weights if (found := CONVOLUTION.fullmatch(name)))


def _diffusers_name(name: str) -> str:
    """Return a weight's name in diffusers, which clamps latents outside of the layers.

    >>> _diffusers_name("3.conv.0.weight")
    'layers.2.conv.0.weight'
    """
    place, rest = name.split(".", 1)
    return f"layers.{int(place) - 1}.{rest}"
