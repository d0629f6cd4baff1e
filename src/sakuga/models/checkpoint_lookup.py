"""Find a checkpoint by its name, and refuse with a sentence what can neither draw nor learn here."""

import re
from importlib.resources import files
from pathlib import Path

from sakuga.models.checkpoint_files import (
    EDITION,
    EDITION_KEY,
    INDEX,
    MORE_WORDS,
    NEEDED,
    NETWORKS,
    OPTIONAL,
    SKETCHBOOK,
    WORDS,
    CheckpointError,
    Source,
    has_vocabulary,
    pooled_channels,
)  # fmt: skip

VAES = ("AutoencoderKL", "AutoencoderTiny")
KINDS = "Stable Diffusion 1.x, 2.x and XL"
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


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
        return _folder_of_hub(name)
    raise CheckpointError(
        f"no checkpoint '{name}': give '{SKETCHBOOK}', a folder in diffusers' layout, or owner/name of the Hugging Face hub"
    )


def _folder_of_hub(name: str) -> Path:
    """Return the folder of a checkpoint of the hub: whole weights, and the fp16 variant only where a network has no others."""
    stems = ("model", "diffusion_pytorch_model")
    endings = ("*.json", "*.txt", *(f"{stem}{shard}.safetensors" for stem in stems for shard in ("", "-*-of-*")))
    folder = from_hub(name, [INDEX, *(f"{part}/{ending}" for part in (*WORDS, *MORE_WORDS, *NEEDED, *OPTIONAL) for ending in endings)])
    bare = [part for part in NETWORKS if (folder / part).is_dir() and not any((folder / part).glob("*.safetensors"))]
    return from_hub(name, [f"{part}/{stem}.fp16.safetensors" for part in bare for stem in stems]) if bare else folder


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
    if sum(widths) != unet["cross_attention_dim"] or not 0 < second["projection_dim"] == pooled_channels(unet) <= sum(widths):
        raise CheckpointError(
            f"checkpoint '{source.name}': its text encoders tell {widths[0]} + {widths[1]} channels and {second['projection_dim']} pooled, "
            f"and its UNet is told {unet['cross_attention_dim']} and {pooled_channels(unet)}: they are of different models"
        )
    if not has_vocabulary(source.folder / "tokenizer_2") and first["vocab_size"] != second["vocab_size"]:
        raise CheckpointError(f"checkpoint '{source.name}': its tokenizer_2/ has no vocabulary (vocab.json and merges.txt): copy it anew")
