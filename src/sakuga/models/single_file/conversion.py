"""Conversion of a single-file checkpoint to a folder in diffusers' layout."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.clip_text import ClipTextEncoder
from sakuga.models.diffusers_classes import AutoencoderKL, UNet2DConditionModel
from sakuga.models.loading import quiet_libraries
from sakuga.models.lora_keys import TEXT_MODEL
from sakuga.models.meta_kernels import on_meta_device
from sakuga.models.saving import save_file
from sakuga.models.single_file.configs import (
    Config,
    model_index,
    scheduler_config,
    text_config,
    text_places,
    unet_config,
    vae_config,
)  # fmt: skip
from sakuga.models.single_file.header import PredictionType, SingleFile
from sakuga.models.single_file.keys import Place, unet_places, vae_places
from sakuga.models.single_file.vocabulary import write_clip_tokenizer
from sakuga.models.tensor_files import open_tensors

Places = Callable[[str], Iterable[Place]]
END_TOKEN, OPEN_CLIP_PADDING = "<|endoftext|>", "!"
FORMATS = (torch.float16, torch.bfloat16, torch.float32)
"""Number formats that stay as they are; others, such as those of 8 bits, become fp16."""


def convert_single_file(file: SingleFile, vae: SingleFile, folder: Path, prediction: PredictionType, zero_snr: bool) -> Iterator[str]:
    """Write a folder in diffusers' layout, yielding the name of each finished component.

    The VAE is read from `vae`, which may be the same file. Weights keep their number format. Raises CheckpointError where weights are
    missing, or of other shapes than their network's.
    """
    family = file.family
    unet, decoder = unet_config(file, prediction), vae_config(vae, family)
    layers, levels = unet["layers_per_block"], len(decoder["block_out_channels"])
    _write_json(folder / "model_index.json", model_index(family))
    _write_json(folder / "scheduler" / "scheduler_config.json", scheduler_config(family, prediction, zero_snr))
    for part in ("text_encoder", "text_encoder_2") if family == "sdxl" else ("text_encoder",):
        _write_text_encoder(file, part, folder)
        yield part
    _write_network(vae, folder / "vae", decoder, _names(AutoencoderKL, decoder), lambda name: vae_places(name, levels))
    yield "vae"
    _write_network(file, folder / "unet", unet, _names(UNet2DConditionModel, unet), lambda name: unet_places(name, layers))
    yield "unet"


def _write_text_encoder(file: SingleFile, part: str, folder: Path) -> None:
    config, places = text_config(file, part), text_places(file.family, part)
    with on_meta_device():
        network: nn.Module = ClipTextEncoder(config, projected=part == "text_encoder_2")
    names = {_transformers_name(name): tuple(value.shape) for name, value in network.state_dict().items()}
    _write_network(file, folder / part, config, names, lambda name: places(name.removeprefix(TEXT_MODEL)))
    padding = END_TOKEN if config["hidden_act"] == "quick_gelu" else OPEN_CLIP_PADDING
    write_clip_tokenizer(folder / part.replace("text_encoder", "tokenizer"), padding)


def _transformers_name(name: str) -> str:
    return name if name.startswith("text_projection") else TEXT_MODEL + name


def _names(kind: Any, config: Config) -> dict[str, tuple[int, ...]]:
    """Return names and shapes of a network's weights, without memory for them."""
    with on_meta_device(), quiet_libraries():
        network = kind.from_config(config)
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def _write_network(file: SingleFile, folder: Path, config: Config, names: dict[str, tuple[int, ...]], places: Places) -> None:
    found = {name: place for name in names if (place := file.find(places(name)))}
    if missing := [name for name in names if name not in found]:
        key = next(iter(places(missing[0]))).key
        raise CheckpointError(f"checkpoint '{file.path}': {len(missing)} weights of {folder.name} are missing ({key}): download it again")
    with open_tensors(file.path) as opened:
        weights = {name: _weight(opened.get_tensor(place.key), place, names[name], file) for name, place in found.items()}
    stem = "model" if folder.name.startswith("text_encoder") else "diffusion_pytorch_model"
    _write_json(folder / "config.json", config)
    save_file(weights, folder / f"{stem}.safetensors", {"format": "pt"})


def _weight(value: Tensor, place: Place, shape: tuple[int, ...], file: SingleFile) -> Tensor:
    """Return a weight as diffusers has it: a third, transposed, or without a 1 x 1 window."""
    value = value if place.third is None else value.chunk(3)[place.third]
    value = value.T if place.transposed else value
    if _without_ones(value.shape) != _without_ones(shape):
        sizes = " x ".join(map(str, value.shape)), " x ".join(map(str, shape))
        raise CheckpointError(f"checkpoint '{file.path}': {place.key} is {sizes[0]}, not {sizes[1]}: it is of no supported family")
    return value.reshape(shape).to(value.dtype if value.dtype in FORMATS else torch.float16).clone(memory_format=torch.contiguous_format)


def _without_ones(shape: Iterable[int]) -> list[int]:
    return [size for size in shape if size != 1]


def _write_json(path: Path, content: Config) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
