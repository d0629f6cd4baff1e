"""Lookup of styles by name, folder, file or hub id.

Loads no network and no torch.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.hub import HUB_PREFIX, find_hub_style
from sakuga.models.style_files import LORA_FILE, Style, StyleError, find_weights, style_in_folder
from sakuga.paths import local_path

STYLES_FOLDER = "styles"
FEW_STEP = "few_step"
"""The folders of a checkpoint with its own styles, and with its adapter for few steps."""
NAMED = 24
"""Styles that a message names; of more it gives the number."""
PICKLE_SUFFIXES = (".pt", ".bin", ".ckpt", ".pth")


def checkpoint_styles(files: CheckpointFiles) -> dict[str, Style]:
    """Return the styles in a checkpoint's folder, by name."""
    return read_styles(files.folder / STYLES_FOLDER)


def read_styles(folder: Path) -> dict[str, Style]:
    """Return a folder's styles by name.

    Each is a folder or a file.
    """
    files = {file.stem: Style(file.stem, (file,)) for file in sorted(folder.glob("*.safetensors"))}
    folders = [below for below in sorted(folder.glob("*")) if below.is_dir() and below.name[0] != "." and find_weights(below)]
    return files | {below.name: style_in_folder(below.name, below) for below in folders}


def few_step_adapter(files: CheckpointFiles) -> Style | None:
    """Return a checkpoint's few-step adapter, if it has one."""
    file = files.folder / FEW_STEP / LORA_FILE
    return Style(FEW_STEP, (file,)) if file.is_file() else None


def find_style(name: str, files: CheckpointFiles, library: Mapping[str, Style] = MappingProxyType({})) -> Style:
    """Find a style by name, folder, file or hub id.

    A name is one of the checkpoint's styles, or of the `library`'s. Raises StyleError, listing the styles there are, where there is
    none.
    """
    known = {**library, **checkpoint_styles(files)}
    if name in known:
        return known[name]
    if name.startswith(HUB_PREFIX):
        return find_hub_style(name)
    path = local_path(name)
    if path.is_dir():
        return style_in_folder(name, path)
    if path.is_file():
        return _style_of_file(name, path)
    if (stem := name.removesuffix(".safetensors")) in known:
        return known[stem]
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        raise StyleError(f"no style '{name}': did you mean '{near[0]}'?")
    own = checkpoint_styles(files)
    there = f"'{files.name}' has {', '.join(own)}" if own else f"'{files.name}' has none of its own"
    more = sorted(known.keys() - own.keys())
    left_out = f" and {len(more) - NAMED} more" if len(more) > NAMED else ""
    there += f", and your library has {', '.join(more[:NAMED])}{left_out}" if more else ""
    raise StyleError(f"no style '{name}': {there}; choose one of these, a folder, a .safetensors file or {HUB_PREFIX}owner/name")


def _style_of_file(name: str, path: Path) -> Style:
    if path.suffix in PICKLE_SUFFIXES:
        raise StyleError(
            f"style '{name}' is a pickle, which can run code: if you trust it, run `sakuga style convert {name} --pickle -o NEW`"
        )
    if path.suffix != ".safetensors":
        raise StyleError(f"style '{name}' is not a .safetensors file")
    return Style(name, (path,))
