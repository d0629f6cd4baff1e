"""A checkpoint's folder, read without loading networks or torch."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.files import open_file, read_utf8
from sakuga.timeline.spec import Digest

SKETCHBOOK = "sketchbook"
REQUIRED_COMPONENTS = ("vae", "unet", "scheduler")
TEXT_COMPONENTS = ("tokenizer", "text_encoder")
"""Absent in image-variation checkpoints, which take an image embedding instead of a prompt."""
TEXT_COMPONENTS_2 = ("tokenizer_2", "text_encoder_2")
"""The second text encoder of Stable Diffusion XL."""
MODEL_INDEX = "model_index.json"
UPSCALER = "upscaler"
MOTION_ADAPTER = "motion_adapter"
OPTIONAL_COMPONENTS = ("feature_extractor", "image_encoder", "controlnet", "depth")
NETWORKS = ("text_encoder", "text_encoder_2", "vae", "unet", "image_encoder", "controlnet", "depth", "classifier")
EVALUATION_COMPONENTS = ("tokenizer", "text_encoder", "feature_extractor", "image_encoder", "classifier")
EDITION = 6
"""Newest edition of the Sketchbook that this package reads; other checkpoints name none."""
EDITION_KEY = "_sakuga_edition"
SIZES = 6
"""Size inputs of Stable Diffusion XL: original height and width, crop top and left, target height and width."""


class CheckpointError(InputError):
    """A checkpoint cannot be found or used.

    The message says which, why, and what to do.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointInfo:
    """Properties of a checkpoint, read from its configs."""

    native_size: int
    """Side of its training images in pixels."""
    vae_scale_factor: int
    """Pixels per latent pixel; widths and heights must be multiples of it."""
    size_multiple: int
    """Widths and heights that are multiples of this pass every UNet level without padding."""
    latent_channels: int
    cross_attention_dim: int
    """Channels of its prompt embeddings."""
    token_limit: int
    """Tokens of a prompt, begin and end marks included; 1 without a text encoder."""
    prediction_type: str
    """epsilon or v_prediction."""
    zero_terminal_snr: bool
    """Whether its noise schedule ends in pure noise."""
    has_image_encoder: bool
    """Whether an image embedding can take the place of the prompt."""
    has_text_encoder: bool = True
    pooled_channels: int = 0
    """Channels of the pooled text embedding of Stable Diffusion XL; 0 for other models."""
    zeros_for_empty_prompt: bool = False
    """Whether an empty negative prompt means zeros (`force_zeros_for_empty_prompt` of diffusers)."""

    @property
    def sequence_length(self) -> int:
        """Return the rows of a prompt embedding.

        There is one per token, and one for the pooled text.
        """
        return self.token_limit + (self.pooled_channels > 0)


@dataclass(frozen=True)
class CheckpointFiles:
    """A checkpoint's folder in diffusers' layout."""

    name: str
    folder: Path

    @cached_property
    def digest(self) -> Digest:
        """Return the sha256 over all loaded files.

        It covers their names and contents.
        """
        return self._digest(self.loaded_files())

    @cached_property
    def base_digest(self) -> Digest:
        """Return the digest of UNet, VAE and scheduler alone.

        Other components may be retrained beside them.
        """
        return self._digest(sorted(path for part in REQUIRED_COMPONENTS for path in self.component_files(part)))

    @cached_property
    def evaluation_digest(self) -> Digest:
        """Return the digest of the networks that evaluate images.

        They are its CLIP and its label classifier.
        """
        parts = (part for part in EVALUATION_COMPONENTS if (self.folder / part).is_dir())
        return self._digest(sorted(path for part in parts for path in self.component_files(part)))

    @cached_property
    def upscaler_digest(self) -> Digest | None:
        """Return the digest of its upscaler; None where it has none."""
        paths = sorted(path for path in (self.folder / UPSCALER).glob("*") if path.suffix in (".json", ".safetensors"))
        return self._digest(paths) if paths else None

    def _digest(self, paths: list[Path]) -> Digest:
        total = hashlib.sha256()
        for path in paths:
            total.update(f"{path.relative_to(self.folder).as_posix()} {file_digest(path)}\n".encode())
        return total.hexdigest()

    @cached_property
    def info(self) -> CheckpointInfo:
        """Read the checkpoint's properties from its configs."""
        return _read_info(self)

    def loaded_files(self) -> list[Path]:
        """List the files that are loaded.

        They are one set of weights per network, configs and vocabularies.
        """
        # The index of an SDXL folder decides what an empty prompt means.
        index = [self.folder / MODEL_INDEX] if self.info.pooled_channels and (self.folder / MODEL_INDEX).is_file() else []
        return sorted([*index, *(path for part in self.components() for path in self.component_files(part))])

    def component_files(self, part: str) -> list[Path]:
        """List the files of one component that are loaded."""
        folder = self.folder / part
        found = [path for path in folder.iterdir() if path.suffix in (".json", ".txt") and ".index." not in path.name]
        return found + (weight_files(folder, self.name) if part in NETWORKS else [])

    def components(self) -> list[str]:
        """List the component folders that exist.

        The required ones are always listed.
        """
        optional = (*TEXT_COMPONENTS, *TEXT_COMPONENTS_2, *OPTIONAL_COMPONENTS)
        return [*REQUIRED_COMPONENTS, *(part for part in optional if (self.folder / part).is_dir())]

    def config(self, part: str) -> dict[str, Any]:
        """Read the config of one component."""
        return self._read(self.config_path(part))

    def config_path(self, part: str) -> Path:
        """Return where the config of one component lies, or would lie."""
        return self.folder / part / ("scheduler_config.json" if part == "scheduler" else "config.json")

    @cached_property
    def index(self) -> dict[str, Any]:
        """Read `model_index.json`; empty where there is none."""
        path = self.folder / MODEL_INDEX
        return self._read(path) if path.is_file() else {}

    @property
    def is_sketchbook(self) -> bool:
        """Whether this is an edition of the Sketchbook: the shipped one, or one that was trained, merged or copied."""
        return EDITION_KEY in self.index

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            return dict(json.loads(read_utf8(path)))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise CheckpointError(f"checkpoint '{self.name}': cannot read {path} ({error}); download it again") from error


def weight_files(folder: Path, name: str) -> list[Path]:
    """List the safetensors files of one network.

    They are its single file, else its shards, else its fp16 variant. Raises CheckpointError where there are only pickles, or none.
    """
    for stem in ("diffusion_pytorch_model", "model"):
        for ending in (".safetensors", ".safetensors.index.json", ".fp16.safetensors"):
            path = folder / f"{stem}{ending}"
            if path.is_file():
                return [path, *_shards(path)] if path.suffix == ".json" else [path]
    if any(path.suffix in (".bin", ".ckpt", ".pt") for path in folder.iterdir()):
        raise CheckpointError(
            f"checkpoint '{name}': {folder.name} has only pickled weights, which can run code: convert them to safetensors"
        )
    raise CheckpointError(f"checkpoint '{name}': {folder} has no weights: download it again")


def _shards(index: Path) -> Iterator[Path]:
    try:
        names = set(json.loads(read_utf8(index))["weight_map"].values())
        return iter([index.parent / Path(name).name for name in sorted(names)])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{index} cannot be read ({error}); download it again") from error


def has_vocabulary(folder: Path) -> bool:
    """Return whether a tokenizer's folder holds a vocabulary."""
    return (folder / "tokenizer.json").is_file() or all((folder / name).is_file() for name in ("vocab.json", "merges.txt"))


def read_pooled_channels(unet: dict[str, Any]) -> int:
    """Return the channels of a UNet's pooled text input.

    They are read from its config; 0 where it has none.
    """
    if unet.get("addition_embed_type") != "text_time":
        return 0
    return int(unet["projection_class_embeddings_input_dim"]) - SIZES * int(unet["addition_time_embed_dim"])


def _read_info(files: CheckpointFiles) -> CheckpointInfo:
    unet, vae, scheduler = (files.config(part) for part in ("unet", "vae", "scheduler"))
    has_text_encoder = (files.folder / "text_encoder").is_dir()
    levels = vae.get("block_out_channels") or vae["encoder_block_out_channels"]
    factor, pooled = 2 ** (len(levels) - 1), read_pooled_channels(unet)
    attended = unet.get("cross_attention_dim", 0)
    return CheckpointInfo(
        native_size=unet["sample_size"] * factor,
        vae_scale_factor=factor,
        size_multiple=factor * 2 ** (len(unet["block_out_channels"]) - 1),
        latent_channels=vae["latent_channels"],
        cross_attention_dim=attended if isinstance(attended, int) else 0,
        token_limit=files.config("text_encoder").get("max_position_embeddings", 77) if has_text_encoder else 1,
        prediction_type=scheduler.get("prediction_type", "epsilon"),
        zero_terminal_snr=bool(scheduler.get("rescale_betas_zero_snr", False)),
        has_image_encoder=(files.folder / "image_encoder").is_dir() and not pooled,
        has_text_encoder=has_text_encoder,
        pooled_channels=pooled,
        zeros_for_empty_prompt=bool(pooled and files.index.get("force_zeros_for_empty_prompt", True)),
    )


def file_digest(path: Path) -> Digest:
    """Return the sha256 of a file."""
    state = path.stat()
    return _sha256(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha256(path: Path, size: int, changed: int) -> str:
    """Hash a file, once for each size and time of change."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
