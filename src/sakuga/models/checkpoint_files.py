"""Where a checkpoint lies and what it is, read from its files alone: no network is loaded, and no torch."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.timeline.spec import Digest

SKETCHBOOK = "sketchbook"
NEEDED = ("vae", "unet", "scheduler")
WORDS = ("tokenizer", "text_encoder")
"""Parts that read words: image-variation checkpoints, which see pictures instead, have neither."""
MORE_WORDS = ("tokenizer_2", "text_encoder_2")
"""Parts that read words a second time: Stable Diffusion XL has them."""
INDEX = "model_index.json"
UPSCALER = "upscaler"
OPTIONAL = ("feature_extractor", "image_encoder", "controlnet", "depth")
NETWORKS = ("text_encoder", "text_encoder_2", "vae", "unet", "image_encoder", "controlnet", "depth", "classifier")
JUDGES = ("tokenizer", "text_encoder", "feature_extractor", "image_encoder", "classifier")
EDITION = 5
"""Of the Sketchbook: a folder made by a later one may hold what this package cannot read. Folders of other makers name none."""
EDITION_KEY = "_sakuga_edition"
SIZES = 6
"""Numbers that Stable Diffusion XL is told of sizes: the picture's own height and width, where it was cut, and what is drawn."""


class CheckpointError(InputError):
    """A checkpoint cannot be found or used; the sentence says which, why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What must be known of a checkpoint before anything is drawn."""

    native_size: int
    """Pixels of the square it was trained on."""
    factor: int
    """Pixels of a picture per latent pixel; widths and heights must be multiples of it."""
    multiple: int
    """Widths and heights that are multiples of this pass through every level of the UNet without padding."""
    latent_channels: int
    token_limit: int
    """Tokens of a prompt, its begin and end marks included."""
    prediction: str
    """epsilon or v_prediction."""
    zero_snr: bool
    """Whether its noise schedule ends in pure noise."""
    sees_pictures: bool
    """Whether a picture can take the place of the prompt."""
    reads_words: bool = True
    """Whether there is a text encoder: a checkpoint without one varies pictures, and its prompts are one token long: the picture's."""
    pooled: int = 0
    """Channels of the pooled text that its UNet is told beside the words, and sizes too: Stable Diffusion XL; 0 for the others."""
    silent: bool = False
    """Whether it is led away from zeros, not from an empty prompt, where no negative prompt is said; it has learnt so."""

    @property
    def rows(self) -> int:
        """How many rows an encoded prompt has: one for each token, and one for the pooled text."""
        return self.token_limit + (self.pooled > 0)


@dataclass(frozen=True)
class Source:
    """A checkpoint in diffusers' folder layout."""

    name: str
    folder: Path

    @cached_property
    def digest(self) -> Digest:
        """Name the checkpoint: sha256 over the relative names and contents of all files that are loaded."""
        return self._named(self.files())

    @cached_property
    def core(self) -> Digest:
        """Name in the same way what draws from words alone: no eyes, depth or control, which may be taught anew beside it."""
        return self._named(sorted(path for part in NEEDED for path in self.files_of(part)))

    @cached_property
    def judges(self) -> Digest:
        """Name in the same way what looks at pictures in it: its CLIP and its label classifier."""
        return self._named(sorted(path for part in JUDGES if (self.folder / part).is_dir() for path in self.files_of(part)))

    @cached_property
    def upscaler(self) -> Digest | None:
        """Name its upscaler in the same way, which enlarges frames but draws none; None where it has none."""
        paths = sorted(path for path in (self.folder / UPSCALER).glob("*") if path.suffix in (".json", ".safetensors"))
        return self._named(paths) if paths else None

    def _named(self, paths: list[Path]) -> Digest:
        total = hashlib.sha256()
        for path in paths:
            total.update(f"{path.relative_to(self.folder).as_posix()} {file_digest(path)}\n".encode())
        return total.hexdigest()

    @cached_property
    def facts(self) -> Facts:
        """Read the facts from the configs."""
        return _facts(self)

    def files(self) -> list[Path]:
        """List the files that are loaded: one set of weights per network, configs, the tokenizer's words."""
        index = [self.folder / INDEX] if self.facts.pooled and (self.folder / INDEX).is_file() else []  # says if it is silent
        return sorted([*index, *(path for part in self.parts() for path in self.files_of(part))])

    def files_of(self, part: str) -> list[Path]:
        """List the files of one component that are loaded."""
        folder = self.folder / part
        found = [path for path in folder.iterdir() if path.suffix in (".json", ".txt") and ".index." not in path.name]
        return found + (weight_files(folder, self.name) if part in NETWORKS else [])

    def parts(self) -> list[str]:
        """List the component folders: the needed ones, and the optional ones that are there."""
        return [*NEEDED, *(part for part in (*WORDS, *MORE_WORDS, *OPTIONAL) if (self.folder / part).is_dir())]

    def config(self, part: str) -> dict[str, Any]:
        """Read the config of one component."""
        path = self.folder / part / ("scheduler_config.json" if part == "scheduler" else "config.json")
        return self._read(path)

    @cached_property
    def index(self) -> dict[str, Any]:
        """Read what the folder says of itself as a whole; nothing where it has no `model_index.json`."""
        path = self.folder / INDEX
        return self._read(path) if path.is_file() else {}

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"checkpoint '{self.name}': {path} cannot be read ({error})") from error


def weight_files(folder: Path, name: str) -> list[Path]:
    """List the safetensors files of one network: its single file, else its shards, else its fp16 variant; pickles are refused."""
    for stem in ("diffusion_pytorch_model", "model"):
        for ending in (".safetensors", ".safetensors.index.json", ".fp16.safetensors"):
            path = folder / f"{stem}{ending}"
            if path.is_file():
                return [path, *_shards(path)] if path.suffix == ".json" else [path]
    if any(path.suffix in (".bin", ".ckpt", ".pt") for path in folder.iterdir()):
        raise CheckpointError(
            f"checkpoint '{name}': {folder.name} holds only pickled weights, which can run code: convert them to safetensors"
        )
    raise CheckpointError(f"checkpoint '{name}': {folder} holds no weights")


def _shards(index: Path) -> Iterator[Path]:
    names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return (index.parent / name for name in sorted(names))


def has_vocabulary(folder: Path) -> bool:
    """Tell whether a tokenizer's folder holds its words."""
    return (folder / "tokenizer.json").is_file() or all((folder / name).is_file() for name in ("vocab.json", "merges.txt"))


def pooled_channels(unet: dict[str, Any]) -> int:
    """Count the channels of the pooled text that a UNet is told: what is left by six embedded sizes; 0 where it is told none."""
    if unet.get("addition_embed_type") != "text_time":
        return 0
    return int(unet["projection_class_embeddings_input_dim"]) - SIZES * int(unet["addition_time_embed_dim"])


def _facts(source: Source) -> Facts:
    unet, vae, scheduler = (source.config(part) for part in ("unet", "vae", "scheduler"))
    reads = (source.folder / "text_encoder").is_dir()
    levels = vae.get("block_out_channels") or vae["encoder_block_out_channels"]
    factor, pooled = 2 ** (len(levels) - 1), pooled_channels(unet)
    return Facts(
        native_size=unet["sample_size"] * factor,
        factor=factor,
        multiple=factor * 2 ** (len(unet["block_out_channels"]) - 1),
        latent_channels=vae["latent_channels"],
        token_limit=source.config("text_encoder").get("max_position_embeddings", 77) if reads else 1,
        prediction=scheduler.get("prediction_type", "epsilon"),
        zero_snr=bool(scheduler.get("rescale_betas_zero_snr", False)),
        sees_pictures=(source.folder / "image_encoder").is_dir() and not pooled,
        reads_words=reads,
        pooled=pooled,
        silent=bool(pooled and source.index.get("force_zeros_for_empty_prompt", True)),
    )


def file_digest(path: Path) -> Digest:
    """Return the sha256 of a file."""
    state = path.stat()
    return _sha256(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha256(path: Path, size: int, changed: int) -> str:
    """Hash a file; asked again for the same size and time of change, the answer is remembered."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
