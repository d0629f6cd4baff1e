"""Lookup of checkpoints, and refusal of unsupported ones."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

from sakuga.files import flush_to_disk
from sakuga.models.catalogue import CATALOGUE, STEMS, catalogue_folder, checkpoint_patterns
from sakuga.models.checkpoint_files import (
    EDITION,
    EDITION_KEY,
    NETWORKS,
    REQUIRED_COMPONENTS,
    SKETCHBOOK,
    TEXT_COMPONENTS,
    CheckpointError,
    CheckpointFiles,
    has_vocabulary,
    read_pooled_channels,
)  # fmt: skip
from sakuga.models.config_checks import check_configs
from sakuga.models.hub_names import HUB_REPO_ID as HUB_REPO_ID
from sakuga.models.hub_names import hub_repo
from sakuga.models.model_registry import read_models
from sakuga.models.single_file.converted import SingleFileChoice, converted_folder
from sakuga.paths import local_path
from sakuga.story.settings import FilmSettings, PredictionType

VAES = ("AutoencoderKL", "AutoencoderTiny")
SUPPORTED = "Stable Diffusion 1.x, 2.x or XL"


def find_checkpoint(
    name: str = SKETCHBOOK, *, prediction: PredictionType | None = None, vae: str | None = None, text_encoder_optional: bool = False
) -> CheckpointFiles:
    """Find a checkpoint by name.

    It is `sketchbook`, a registered name, a folder in diffusers' layout, a single file, or an `owner/name` of the Hugging Face hub.
    `prediction` and `vae` (a file) are what a single file does not tell. With `text_encoder_optional` an image encoder suffices. Raises
    CheckpointError where there is none, where a component is missing, or where weights are pickles only.
    """
    files = CheckpointFiles(name, _folder(name, prediction, vae))
    _refuse_refiner(files)
    missing = [part for part in (*TEXT_COMPONENTS, *REQUIRED_COMPONENTS) if not (files.folder / part).is_dir()]
    if set(missing) == set(TEXT_COMPONENTS) and (files.folder / "image_encoder").is_dir():
        if not text_encoder_optional:
            raise CheckpointError(f"checkpoint '{name}' has an image encoder but no text encoder: use it with `sakuga vary`")
    elif missing:
        raise CheckpointError(
            f"checkpoint '{name}': {files.folder} has no {', '.join(missing)}: give a Stable Diffusion folder in diffusers' layout"
        )
    _refuse_newer_edition(files)
    check_configs(files)
    _refuse_unsupported(files)
    files.loaded_files()
    return files


def find_model(settings: FilmSettings, *, text_encoder_optional: bool = False) -> CheckpointFiles:
    """Find the checkpoint of settings, the Sketchbook by default; raises CheckpointError."""
    return find_checkpoint(
        settings.model or SKETCHBOOK, prediction=settings.prediction, vae=settings.vae, text_encoder_optional=text_encoder_optional
    )


def _folder(name: str, prediction: PredictionType | None, vae: str | None) -> Path:
    if prediction or vae:
        return converted_folder(_chosen(name, prediction, vae))
    if name == SKETCHBOOK:
        return Path(str(resources.files("sakuga.sketchbook") / "weights"))
    if registered := read_models().get(name):
        return _folder_of(Path(registered.path), registered.choice)
    if name in CATALOGUE:
        return catalogue_folder(CATALOGUE[name])
    path = local_path(name)
    if path.exists():
        return _folder_of(path, SingleFileChoice(path=path))
    if repo := hub_repo(name):
        return _hub_folder(repo)
    raise CheckpointError(
        f"no checkpoint '{name}': give '{SKETCHBOOK}', a registered name, a .safetensors file, a folder in diffusers' layout, or "
        "hub:owner/name of the Hugging Face hub"
    )


def _chosen(name: str, prediction: PredictionType | None, vae: str | None) -> SingleFileChoice:
    """Return a single file with choices beside it; raises CheckpointError for any other model, and where the VAE's file is missing."""
    registered, option = read_models().get(name), "--prediction" if prediction else "--vae"
    path = Path(registered.path) if registered else local_path(name)
    if not path.is_file():
        raise CheckpointError(f"{option} is for single files, and the model '{name}' is none: its own configs tell; leave {option} out")
    if vae and not local_path(vae).is_file():
        raise CheckpointError(f"there is no VAE file {vae}: give a .safetensors file with --vae")
    choice = registered.choice if registered else SingleFileChoice(path=path)
    return replace(choice, prediction=prediction or choice.prediction, vae=local_path(vae) if vae else choice.vae)


def _folder_of(path: Path, choice: SingleFileChoice) -> Path:
    """Return a folder, or that of a single file; raises CheckpointError."""
    if path.is_dir():
        return path.resolve()
    if path.is_file():
        return converted_folder(choice)
    raise CheckpointError(f"the model's file {path} is gone: put it back, or register it again with `sakuga model add`")


def _hub_folder(name: str) -> Path:
    """Download a checkpoint of the hub.

    It gets full weights, and the fp16 variant only where a network has no others.
    """
    folder = download_from_hub(name, checkpoint_patterns())
    bare = [part for part in NETWORKS if (folder / part).is_dir() and not any((folder / part).glob("*.safetensors"))]
    return download_from_hub(name, [f"{part}/{stem}.fp16.safetensors" for part in bare for stem in STEMS]) if bare else folder


def download_from_hub(name: str, patterns: list[str], kind: str = "checkpoint") -> Path:
    """Download matching files of an `owner/name`; return their folder.

    Cached files are not downloaded again.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"no {kind} '{name}': there is no such folder, and download from the Hugging Face hub failed ({reason})"
        ) from error
    for file in folder.rglob("*"):
        if file.is_file():
            flush_to_disk(file)
    return folder


def _refuse_newer_edition(files: CheckpointFiles) -> None:
    edition = files.index.get(EDITION_KEY, 1)
    if not isinstance(edition, int) or edition > EDITION:
        raise CheckpointError(
            f"checkpoint '{files.name}' is of edition {edition}, but this sakuga reads editions up to {EDITION}: update sakuga"
        )


def _refuse_refiner(files: CheckpointFiles) -> None:
    """Refuse the refiner of Stable Diffusion XL.

    It works only on the output of a base model.
    """
    only_second = (files.folder / "text_encoder_2").is_dir() and not (files.folder / "text_encoder").is_dir()
    if only_second or files.index.get("requires_aesthetics_score"):
        raise CheckpointError(f"checkpoint '{files.name}' is an SDXL refiner, which works only after a base model: use the base model")


def _refuse_unsupported(files: CheckpointFiles) -> None:
    unet, vae = files.config("unet"), files.config("vae")
    sized = unet.get("addition_embed_type") == "text_time"
    reasons = {
        f"its UNet is a {unet.get('_class_name')}": unet.get("_class_name") != "UNet2DConditionModel",
        f"its VAE is a {vae.get('_class_name')}": vae.get("_class_name") not in VAES,
        f"its UNet needs an input of type {unet.get('addition_embed_type')}": not sized and unet.get("addition_embed_type") is not None,
        "its UNet needs a class label": unet.get("class_embed_type") is not None or unet.get("num_class_embeds") is not None,
        "its UNet projects the prompt embeddings": unet.get("encoder_hid_dim_type") is not None or unet.get("encoder_hid_dim") is not None,
        "its UNet takes more than latents (an inpainting or upscaling model)": unet.get("in_channels") != vae.get("latent_channels"),
        "its UNet takes the guidance scale as an input (a distilled model)": unet.get("time_cond_proj_dim") is not None,
        "its VAE shifts the latents by means": vae.get("latents_mean") is not None or bool(vae.get("shift_factor")),
    }
    for reason, refused in reasons.items():
        if refused:
            raise CheckpointError(f"checkpoint '{files.name}' is not supported: {reason}; use {SUPPORTED}")
    _refuse_mismatched_text(files, sized)


def _refuse_mismatched_text(files: CheckpointFiles, sized: bool) -> None:
    """Refuse text encoders of another UNet, and incomplete tokenizers.

    Without a vocabulary every word would be unknown.
    """
    there = (files.folder / "text_encoder_2").is_dir()
    if sized != there:
        lacks = "has no text_encoder_2, which its UNet needs" if sized else "has a text_encoder_2, which its UNet does not use"
        raise CheckpointError(f"checkpoint '{files.name}' {lacks}: download the folder again")
    if (files.folder / "text_encoder").is_dir() and not has_vocabulary(files.folder / "tokenizer"):
        raise _no_vocabulary(files, "tokenizer")
    if not sized:
        return
    first, second, unet = files.config("text_encoder"), files.config("text_encoder_2"), files.config("unet")
    widths, pooled = [first["hidden_size"], second["hidden_size"]], read_pooled_channels(unet)
    if sum(widths) != unet["cross_attention_dim"] or not 0 < second["projection_dim"] == pooled <= sum(widths):
        raise CheckpointError(
            f"checkpoint '{files.name}': its text encoders give {widths[0]} + {widths[1]} channels and {second['projection_dim']} pooled, "
            f"but its UNet takes {unet['cross_attention_dim']} and {pooled}: they belong to different models"
        )
    if not has_vocabulary(files.folder / "tokenizer_2") and first["vocab_size"] != second["vocab_size"]:
        raise _no_vocabulary(files, "tokenizer_2")


def _no_vocabulary(files: CheckpointFiles, folder: str) -> CheckpointError:
    return CheckpointError(
        f"checkpoint '{files.name}': its {folder}/ has no vocabulary (vocab.json and merges.txt): download the folder again"
    )
