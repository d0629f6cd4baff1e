"""Folders of styles that stay where they are, such as those of A1111 and ComfyUI."""

from dataclasses import dataclass
from pathlib import Path

from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.style_files import StyleError
from sakuga.models.style_folders import PICKLES, folder_styles, style_files, style_folders, webui_style_folders, write_style_folders
from sakuga.models.styles import checkpoint_styles, read_styles
from sakuga.paths import local_path, real_path
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.style_lookup import styles_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedFolder:
    """A registered folder: the names of its styles, and reasons for files that were left out."""

    folder: Path
    names: tuple[str, ...]
    refused: dict[str, str]


@checked()
def add_style_folder(folder: Path) -> AddedFolder:
    """Register a folder: the styles in it and below are known by their file names, and stay where they are.

    Raises StyleError for a folder without any.
    """
    place = real_path(local_path(folder))
    if not place.is_dir():
        raise StyleError(f"no folder {place}: give one with .safetensors files")
    if next(style_files(place), None) is None:
        raise StyleError(f"{place} has no .safetensors files: give a folder of LoRAs or embeddings")
    return _registered(place)


def add_webui_style_folders(folder: Path) -> tuple[AddedFolder, ...]:
    """Register the folders of LoRAs and embeddings of A1111, Forge or ComfyUI."""
    return tuple(map(_registered, webui_style_folders(folder)))


def registered_folder(path: str) -> Path | None:
    """Return the registered folder of a path; None for anything else."""
    place = real_path(local_path(path))
    return place if place in style_folders() else None


def forget_style_folder(folder: Path) -> None:
    """Forget a registered folder; its files stay."""
    write_style_folders(one for one in style_folders() if one != folder)


def _registered(folder: Path) -> AddedFolder:
    others = tuple(one for one in style_folders() if one != folder)
    taken = {**folder_styles(others), **read_styles(styles_folder()), **checkpoint_styles(find_checkpoint(SKETCHBOOK))}
    styles = folder_styles([folder])
    convert = "is a pickle: if you trust it, run `sakuga style convert {} --pickle -o {}`"
    refused = {str(file): f"{file} {convert.format(file, file.with_suffix('.safetensors'))}" for file in style_files(folder, PICKLES)}
    for file in style_files(folder):
        if file.stem in taken or styles[file.stem].files != (file,):
            refused[str(file)] = f"there is a style '{file.stem}' already: give {file} by its path"
    write_style_folders((*others, folder))
    return AddedFolder(folder=folder, names=tuple(name for name in styles if name not in taken), refused=refused)
