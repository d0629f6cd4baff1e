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
MORE_WORDS = ("tokenizer_2", "text_encoder_2")
"""Parts that read words a second time: Stable Diffusion XL has them."""
INDEX = "model_index.json"
UPSCALER = "upscaler"
OPTIONAL = ("feature_extractor", "image_encoder", "controlnet", "depth")
NETWORKS = ("text_encoder", "text_encoder_2", "vae", "unet", "image_encoder", "controlnet", "depth", "classifier")
JUDGES = ("tokenizer", "text_encoder", "feature_extractor", "image_encoder", "classifier")
EDITION = 4
"""Of the Sketchbook: a folder made by a later one may hold what this package cannot read. Folders of other makers name none."""
EDITION_KEY = "_sakuga_edition"
VAES = ("AutoencoderKL", "AutoencoderTiny")
KINDS = "Stable Diffusion 1.x, 2.x and XL"
SIZES = 6
"""Numbers that Stable Diffusion XL is told of sizes: the picture's own height and width, where it was cut, and what is drawn."""
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


def find_checkpoint(name: str = SKETCHBOOK, *, wordless: bool = False) -> Source:
    """Find a checkpoint by name: `sketchbook`, a folder in diffusers' layout, or an `owner/name` of the Hugging Face hub.

    With `wordless` it need read no words, if it sees pictures. Raises CheckpointError where there is none, where a part is missing, or
    where weights come only as pickles.
    """
    source = Source(name, _folder(name))
    _refuse_refiner(source)
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
        weights = ("model.safetensors", "diffusion_pytorch_model.safetensors")
        shards = tuple(ending.replace(".", "-*-of-*.") for ending in weights)
        every = (*WORDS, *MORE_WORDS, *NEEDED, *OPTIONAL)
        return from_hub(name, [INDEX, *(f"{part}/{ending}" for part in every for ending in ("*.json", "*.txt", *weights, *shards))])
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
    edition = source.index.get(EDITION_KEY, 1)
    if not isinstance(edition, int) or edition > EDITION:
        raise CheckpointError(f"checkpoint '{source.name}' is of edition {edition}, and this sakuga reads up to {EDITION}: update sakuga")


def _refuse_refiner(source: Source) -> None:
    """Refuse the second half of Stable Diffusion XL, which goes over what a base has drawn."""
    alone = (source.folder / "text_encoder_2").is_dir() and not (source.folder / "text_encoder").is_dir()
    if alone or source.index.get("requires_aesthetics_score"):
        raise CheckpointError(f"checkpoint '{source.name}' is a refiner, which only goes over what a base has drawn: give the base")


def _refuse_other_kinds(source: Source) -> None:
    unet, vae = source.config("unet"), source.config("vae")
    sized = unet.get("addition_embed_type") == "text_time"
    reasons = {
        f"its UNet is a {unet.get('_class_name')}": unet.get("_class_name") != "UNet2DConditionModel",
        f"its VAE is a {vae.get('_class_name')}": vae.get("_class_name") not in VAES,
        f"its UNet wants {unet.get('addition_embed_type')} beside the words": not sized and unet.get("addition_embed_type") is not None,
        "its UNet wants a class beside the words": unet.get("class_embed_type") is not None or unet.get("num_class_embeds") is not None,
        "its UNet projects its words": unet.get("encoder_hid_dim_type") is not None or unet.get("encoder_hid_dim") is not None,
        "its UNet takes more than latents (an inpainting or upscaling model)": unet.get("in_channels") != vae.get("latent_channels"),
        "its UNet wants its guidance as an input (a distilled model)": unet.get("time_cond_proj_dim") is not None,
        "its VAE moves its latents by means": vae.get("latents_mean") is not None,
    }
    for reason, refused in reasons.items():
        if refused:
            raise CheckpointError(f"checkpoint '{source.name}' can neither draw nor learn here: {reason}; {KINDS} can")
    _refuse_unread_words(source, sized)


def _refuse_unread_words(source: Source, sized: bool) -> None:
    """Refuse text encoders that are not those of the UNet, or whose tokenizer would read every word as unknown."""
    there = (source.folder / "text_encoder_2").is_dir()
    if sized != there:
        lacks = "has no text_encoder_2, which its UNet is told by" if sized else "has a text_encoder_2, and its UNet is not told by it"
        raise CheckpointError(f"checkpoint '{source.name}' {lacks}: copy the folder anew")
    if (source.folder / "text_encoder").is_dir() and not has_vocabulary(source.folder / "tokenizer"):
        raise CheckpointError(f"checkpoint '{source.name}': its tokenizer/ has no vocabulary (vocab.json and merges.txt): copy it anew")
    if not sized:
        return
    first, second, unet = source.config("text_encoder"), source.config("text_encoder_2"), source.config("unet")
    widths = [first["hidden_size"], second["hidden_size"]]
    if sum(widths) != unet["cross_attention_dim"] or not 0 < second["projection_dim"] == _pooled(unet) <= sum(widths):
        raise CheckpointError(
            f"checkpoint '{source.name}': its text encoders tell {widths[0]} + {widths[1]} channels and {second['projection_dim']} pooled, "
            f"and its UNet is told {unet['cross_attention_dim']} and {_pooled(unet)}: they are of different models"
        )
    if not has_vocabulary(source.folder / "tokenizer_2") and first["vocab_size"] != second["vocab_size"]:
        raise CheckpointError(f"checkpoint '{source.name}': its tokenizer_2/ has no vocabulary (vocab.json and merges.txt): copy it anew")


def has_vocabulary(folder: Path) -> bool:
    """Tell whether a tokenizer's folder holds its words."""
    return (folder / "tokenizer.json").is_file() or all((folder / name).is_file() for name in ("vocab.json", "merges.txt"))


def _pooled(unet: dict[str, Any]) -> int:
    """Count the channels of the pooled text that a UNet is told: what is left by six embedded sizes; 0 where it is told none."""
    if unet.get("addition_embed_type") != "text_time":
        return 0
    return int(unet["projection_class_embeddings_input_dim"]) - SIZES * int(unet["addition_time_embed_dim"])


def _facts(source: Source) -> Facts:
    unet, vae, scheduler = (source.config(part) for part in ("unet", "vae", "scheduler"))
    reads = (source.folder / "text_encoder").is_dir()
    levels = vae.get("block_out_channels") or vae["encoder_block_out_channels"]
    factor, pooled = 2 ** (len(levels) - 1), _pooled(unet)
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
