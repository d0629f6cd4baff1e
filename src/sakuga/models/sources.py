"""Where a checkpoint lies and what it is, read from its files alone: no network is loaded, and no torch."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.timeline.spec import Digest

SKETCHBOOK = "sketchbook"
NEEDED = ("vae", "unet", "scheduler")
WORDS = ("tokenizer", "text_encoder")
"""Parts that read words: image-variation checkpoints, which see pictures instead, have neither."""
UPSCALER = "upscaler"
OPTIONAL = ("feature_extractor", "image_encoder", "controlnet", "depth")
NETWORKS = ("text_encoder", "vae", "unet", "image_encoder", "controlnet", "depth", "classifier")
JUDGES = ("tokenizer", "text_encoder", "feature_extractor", "image_encoder", "classifier")
EDITION = 4
"""Of the Sketchbook: a folder made by a later one may hold what this package cannot read. Folders of other makers name none."""
EDITION_KEY = "_sakuga_edition"
VAES = ("AutoencoderKL", "AutoencoderTiny")
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


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
        return sorted(path for part in self.parts() for path in self.files_of(part))

    def files_of(self, part: str) -> list[Path]:
        """List the files of one component that are loaded."""
        folder = self.folder / part
        found = [path for path in folder.iterdir() if path.suffix in (".json", ".txt") and ".index." not in path.name]
        return found + (weight_files(folder, self.name) if part in NETWORKS else [])

    def parts(self) -> list[str]:
        """List the component folders: the needed ones, and the optional ones that are there."""
        return [*NEEDED, *(part for part in (*WORDS, *OPTIONAL) if (self.folder / part).is_dir())]

    def config(self, part: str) -> dict[str, Any]:
        """Read the config of one component."""
        path = self.folder / part / ("scheduler_config.json" if part == "scheduler" else "config.json")
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise CheckpointError(f"checkpoint '{self.name}': {path} cannot be read ({error})") from error


def find_checkpoint(name: str = SKETCHBOOK, *, wordless: bool = False) -> Source:
    """Find a checkpoint by name: `sketchbook`, a folder in diffusers' layout, or an `owner/name` of the Hugging Face hub.

    With `wordless` it need read no words, if it sees pictures. Raises CheckpointError where there is none, where a part is missing, or
    where weights come only as pickles.
    """
    source = Source(name, _folder(name))
    missing = [part for part in (*WORDS, *NEEDED) if not (source.folder / part).is_dir()]
    if set(missing) == set(WORDS) and (source.folder / "image_encoder").is_dir():
        if not wordless:
            raise CheckpointError(f"checkpoint '{name}' sees pictures and reads no words: vary a picture with it (`sakuga vary`)")
    elif missing:
        raise CheckpointError(
            f"checkpoint '{name}': {source.folder} has no {', '.join(missing)}: give a Stable Diffusion folder in diffusers' layout"
        )
    _refuse_newer(source)
    _refuse_other_kinds(source)
    source.files()
    return source


def _folder(name: str) -> Path:
    if name == SKETCHBOOK:
        return Path(str(files("sakuga.sketchbook") / "weights"))
    path = Path(name).expanduser()
    if path.is_dir():
        return path.resolve()
    if path.is_file():
        raise CheckpointError(f"checkpoint '{name}' is a single file: give a folder in diffusers' layout")
    if HUB_NAME.fullmatch(name):
        endings = ("*.json", "*.txt", "model.safetensors", "diffusion_pytorch_model.safetensors")
        return from_hub(name, [f"{part}/{ending}" for part in (*WORDS, *NEEDED, *OPTIONAL) for ending in endings])
    raise CheckpointError(
        f"no checkpoint '{name}': give '{SKETCHBOOK}', a folder in diffusers' layout, or owner/name of the Hugging Face hub"
    )


def from_hub(name: str, wanted: list[str]) -> Path:
    """Return the folder of the files of an `owner/name` that fit the patterns, fetched from the hub where they are not here yet."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"no checkpoint '{name}': there is no such folder, and the Hugging Face hub did not give it ({reason})"
        ) from error


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


def _refuse_newer(source: Source) -> None:
    index = source.folder / "model_index.json"
    try:
        edition = json.loads(index.read_text(encoding="utf-8")).get(EDITION_KEY, 1) if index.is_file() else 1
    except ValueError as error:
        raise CheckpointError(f"checkpoint '{source.name}': {index} cannot be read ({error})") from error
    if not isinstance(edition, int) or edition > EDITION:
        raise CheckpointError(f"checkpoint '{source.name}' is of edition {edition}, and this sakuga reads up to {EDITION}: update sakuga")


def _refuse_other_kinds(source: Source) -> None:
    unet, vae = source.config("unet"), source.config("vae")
    reasons = {
        f"its UNet is a {unet.get('_class_name')}": unet.get("_class_name") != "UNet2DConditionModel",
        f"its VAE is a {vae.get('_class_name')}": vae.get("_class_name") not in VAES,
        "it is of the SDXL kind": unet.get("addition_embed_type") is not None or (source.folder / "text_encoder_2").is_dir(),
        "its UNet takes more than latents (an inpainting or upscaling model)": unet.get("in_channels") != vae.get("latent_channels"),
        "its UNet wants its guidance as an input (a distilled model)": unet.get("time_cond_proj_dim") is not None,
    }
    for reason, refused in reasons.items():
        if refused:
            raise CheckpointError(f"checkpoint '{source.name}' can neither draw nor learn here: {reason}; Stable Diffusion 1.x and 2.x can")


def _facts(source: Source) -> Facts:
    unet, vae, scheduler = (source.config(part) for part in ("unet", "vae", "scheduler"))
    reads = (source.folder / "text_encoder").is_dir()
    levels = vae.get("block_out_channels") or vae["encoder_block_out_channels"]
    factor = 2 ** (len(levels) - 1)
    return Facts(
        native_size=unet["sample_size"] * factor,
        factor=factor,
        multiple=factor * 2 ** (len(unet["block_out_channels"]) - 1),
        latent_channels=vae["latent_channels"],
        token_limit=source.config("text_encoder").get("max_position_embeddings", 77) if reads else 1,
        prediction=scheduler.get("prediction_type", "epsilon"),
        zero_snr=bool(scheduler.get("rescale_betas_zero_snr", False)),
        sees_pictures=(source.folder / "image_encoder").is_dir(),
        reads_words=reads,
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
