"""ControlNets on disk: a folder in diffusers' layout or one safetensors file, and refusal of those of another UNet.

Loads no torch.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sakuga.files import read_utf8
from sakuga.models.checkpoint_files import CheckpointError, CheckpointFiles, weight_files
from sakuga.models.hub_names import hub_repo
from sakuga.models.network_files import NetworkFiles
from sakuga.models.single_file.header import SingleFile, read_single_file
from sakuga.paths import local_path

STABILITY_HINT, DIFFUSERS_HINT = "input_hint_block.0.weight", "controlnet_cond_embedding.conv_in.weight"
PREFIX = "control_model."
"""What keys of the first published files begin with."""
ATTENTION = "attn2.to_k.weight"
OTHER_KINDS = {
    "lora_controlnet": "a Control-LoRA, which changes the UNet's own encoder",
    "lllite_unet": "a ControlLLLite",
    "task_embedding": "a ControlNet Union, which takes the kind of control as an input",
    "image_proj": "an IP-Adapter: write hint=ip-adapter",
    "ip_adapter": "an IP-Adapter: write hint=ip-adapter",
    "adapter.body": "a T2I-Adapter",
    "body.0.block1": "a T2I-Adapter",
    "model.diffusion_model.": "a checkpoint: use it with --model",
    "double_blocks.": "of Flux",
    "transformer_blocks.0.attn.add": "of Stable Diffusion 3",
}
"""Marks in keys of what is no ControlNet of these families."""
PICKLES = (".pth", ".pt", ".ckpt", ".bin")
FOLDER_FILES = ["config.json", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"]
KINDS = "a folder in diffusers' layout, a .safetensors file, or hub:owner/name of the Hugging Face hub"


@dataclass(frozen=True)
class ControlNetFiles(NetworkFiles):
    """A ControlNet: a folder in diffusers' layout, or a single safetensors file."""

    @property
    def weights(self) -> Path:
        """Return the file of its weights; raises CheckpointError where there are pickles only."""
        return self.path if self.is_single_file else weight_files(self.path, self.name)[0]

    @cached_property
    def head(self) -> SingleFile:
        """Read names and shapes of its weights, without a prefix; raises CheckpointError."""
        try:
            read = read_single_file(self.weights)
        except CheckpointError as error:
            raise CheckpointError(str(error).replace("checkpoint", "ControlNet", 1)) from None
        return SingleFile(read.path, {key.removeprefix(PREFIX): shape for key, shape in read.shapes.items()}, read.metadata)

    @property
    def is_stability_layout(self) -> bool:
        return STABILITY_HINT in self.head.shapes


def find_controlnet(files: CheckpointFiles, name: str) -> ControlNetFiles:
    """Find a ControlNet for a checkpoint.

    `name` is a folder, a file, or `owner/name` of the hub. Raises CheckpointError where there is none, where it is something else, and
    where it is for another UNet.
    """
    found = ControlNetFiles(name, _path(name))
    _refuse_other_kinds(found)
    _refuse_other_unets(found, files)
    return found


def _path(name: str) -> Path:
    path = local_path(name)
    if path.suffix in PICKLES and path.is_file():
        raise CheckpointError(f"ControlNet '{name}' is a pickle, which can run code: get it as .safetensors")
    if path.is_dir() and not (path / "config.json").is_file():
        raise CheckpointError(f"ControlNet '{name}': the folder has no config.json: give {KINDS}")
    if path.exists():
        return path.resolve()
    if repo := hub_repo(name):
        from sakuga.models.checkpoint_lookup import download_from_hub

        return download_from_hub(repo, FOLDER_FILES, "ControlNet")
    raise CheckpointError(f"no ControlNet '{name}': give {KINDS}")


def _refuse_other_kinds(found: ControlNetFiles) -> None:
    if not found.is_single_file and (kind := _class_name(found)) != "ControlNetModel":
        raise CheckpointError(f"ControlNet '{found.name}' is a {kind}, which is not supported: give a ControlNetModel")
    shapes = found.head.shapes
    if title := next((title for mark, title in OTHER_KINDS.items() for key in shapes if mark in key), None):
        raise CheckpointError(f"ControlNet '{found.name}' is {title}{'' if ':' in title else ', which is not supported: use a ControlNet'}")
    if not shapes.keys() & {STABILITY_HINT, DIFFUSERS_HINT}:
        raise CheckpointError(f"ControlNet '{found.name}' is no ControlNet: its weights have no layers for a hint image")


def _class_name(found: ControlNetFiles) -> str:
    path = found.path / "config.json"
    try:
        return str(dict(json.loads(read_utf8(path))).get("_class_name", "ControlNetModel"))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"ControlNet '{found.name}': cannot read {path} ({error}): download it again") from error


def _refuse_other_unets(found: ControlNetFiles, files: CheckpointFiles) -> None:
    """Refuse a ControlNet whose prompt embeddings are of another width than the checkpoint's."""
    own, expected = prompt_channels(found.head.shapes), files.config("unet").get("cross_attention_dim")
    if own is not None and own != expected:
        raise CheckpointError(
            f"ControlNet '{found.name}' reads prompts of {own} channels, but checkpoint '{files.name}' has {expected}: it is for another "
            f"family ({family_title(own)}); use one for this kind of model"
        )


def prompt_channels(shapes: Mapping[str, tuple[int, ...]]) -> int | None:
    """Return the channels of the prompt embeddings that a network attends to."""
    return next((shape[1] for key, shape in sorted(shapes.items()) if key.endswith(ATTENTION) and len(shape) == 2), None)


def family_title(channels: int) -> str:
    """Return the family of models whose prompts have so many channels."""
    return {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "Stable Diffusion XL"}.get(channels, "an unknown one")
