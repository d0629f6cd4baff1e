"""Folders of other programs in $SAKUGA_HOME/style_folders.toml: their files are styles by name, where they lie."""

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import tomli_w
from pydantic import TypeAdapter, ValidationError

from sakuga.files import write_text
from sakuga.models.style_files import Style, StyleError
from sakuga.paths import home

FOLDERS_FILE = "style_folders.toml"
WEBUI_FOLDERS = ("models/Lora", "models/LyCORIS", "models/loras", "models/embeddings", "embeddings", "Lora", "loras")
"""Where A1111, Forge and ComfyUI keep LoRAs and embeddings."""
PICKLES = (".pt", ".bin", ".ckpt")
ADAPTER: TypeAdapter[dict[str, list[str]]] = TypeAdapter(dict[str, list[str]])


def style_folders() -> tuple[Path, ...]:
    """Read the registered folders; raises StyleError."""
    file = home() / FOLDERS_FILE
    if not file.is_file():
        return ()
    try:
        return tuple(map(Path, ADAPTER.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))["folders"]))
    except (OSError, ValueError, KeyError, ValidationError):
        raise StyleError(f'cannot read {file}: write folders = ["PATH"], or delete it') from None


def write_style_folders(folders: Iterable[Path]) -> None:
    """Write the registered folders, each once."""
    write_text(home() / FOLDERS_FILE, tomli_w.dumps({"folders": list(dict.fromkeys(map(str, folders)))}))


def folder_styles(folders: Iterable[Path]) -> dict[str, Style]:
    """Return the styles in folders and below by their file names; of two with one name the first."""
    styles: dict[str, Style] = {}
    for file in (file for folder in folders for file in style_files(folder)):
        styles.setdefault(file.stem, Style(file.stem, (file,)))
    return styles


def style_files(folder: Path, endings: tuple[str, ...] = (".safetensors",)) -> Iterator[Path]:
    """Yield the files in a folder and below, sorted, without hidden ones."""
    return (file for file in sorted(folder.rglob("*")) if file.suffix in endings and file.name[0] != "." and file.is_file())


def webui_style_folders(folder: Path) -> tuple[Path, ...]:
    """Return the folders of LoRAs and embeddings in another program's folder."""
    found = {(folder / name).resolve(): None for name in WEBUI_FOLDERS if (folder / name).is_dir()}
    return tuple(one for one in found if next(style_files(one, (".safetensors", *PICKLES)), None))
