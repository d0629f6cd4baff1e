"""Lookup of motion adapters: a folder, a file, or the hub."""

import re
from pathlib import Path
from typing import NoReturn

from sakuga.models.checkpoint_files import CheckpointError, CheckpointFiles
from sakuga.models.checkpoint_lookup import download_from_hub
from sakuga.models.hub_names import hub_repo
from sakuga.models.motion_files import MotionFiles, check_motion_adapter, own_motion_adapter
from sakuga.paths import local_path

HUB_FILE = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)/(?P<file>.+\.safetensors)")
PICKLES = (".ckpt", ".pt", ".pth", ".bin")
FOLDER_FILES = ["config.json", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors"]
KINDS = "a MotionAdapter folder, a safetensors file, or owner/name of the Hugging Face hub"


def find_motion_adapter(files: CheckpointFiles, name: str | None = None) -> MotionFiles:
    """Find a motion adapter for a checkpoint; its own one by default.

    `name` is a folder in diffusers' layout, a single safetensors file, or `owner/name` of the Hugging Face hub, also with a file behind
    it. Raises CheckpointError where there is none, where it is a pickle, and where it is for another UNet.
    """
    adapter = _own(files) if name is None else MotionFiles(name, _path(name))
    check_motion_adapter(adapter, files)
    return adapter


def _own(files: CheckpointFiles) -> MotionFiles:
    if own := own_motion_adapter(files):
        return own
    raise CheckpointError(f"checkpoint '{files.name}' has no motion adapter of its own: name one, {KINDS}")


def _path(name: str) -> Path:
    path = local_path(name)
    if path.suffix in PICKLES:
        refuse_pickle(name)
    if path.is_file():
        return path.resolve()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise CheckpointError(f"motion adapter '{name}': the folder has no config.json: give {KINDS}")
        return path.resolve()
    if found := HUB_FILE.fullmatch(name):
        return download_from_hub(found["repo"], [found["file"]], "motion adapter") / found["file"]
    if repo := hub_repo(name):
        return download_from_hub(repo, FOLDER_FILES, "motion adapter")
    raise CheckpointError(f"no motion adapter '{name}': give {KINDS}")


def refuse_pickle(name: str) -> NoReturn:
    """Raise CheckpointError for a pickled motion module."""
    raise CheckpointError(
        f"motion adapter '{name}' is a pickle, which can run code: get it as safetensors, or convert it with "
        "`sakuga motion convert --pickle`, which runs none"
    )
