"""Styles on the disk: a LoRA file, alone or in a folder with what is to be said in the prompt; no network is loaded, and no torch."""

import difflib
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sakuga import InputError
from sakuga.models.sources import Source, file_digest
from sakuga.timeline.spec import Digest

LORA = "pytorch_lora_weights.safetensors"
ABOUT = "style.toml"
STYLES = "styles"
FEW_STEP = "few_step"
"""The folders of a checkpoint that hold its own styles, and the adapter that draws in few steps."""


class StyleError(InputError, ValueError):
    """A style that cannot be found or read; the sentence says which, why, and what there is."""


class _About(BaseModel):
    """What `style.toml` says."""

    model_config = ConfigDict(extra="forbid", strict=True)

    trigger: str = ""


@dataclass(frozen=True)
class Style:
    """A LoRA file, and the words that call it up in a prompt."""

    name: str
    file: Path
    trigger: str = ""

    @cached_property
    def digest(self) -> Digest:
        """Name the style: sha256 of its weights, as its words are in the prompts."""
        return file_digest(self.file)


def own_styles(source: Source) -> dict[str, Style]:
    """List the styles that a checkpoint brings along, by name."""
    folders = sorted((source.folder / STYLES).glob(f"*/{LORA}"))
    return {file.parent.name: _in_folder(file.parent.name, file.parent) for file in folders}


def few_step(source: Source) -> Style | None:
    """Find the adapter with which a checkpoint draws in few steps, if it brings one along."""
    file = source.folder / FEW_STEP / LORA
    return Style(FEW_STEP, file) if file.is_file() else None


def find_style(name: str, source: Source) -> Style:
    """Find a style: one of the checkpoint's own by its name, a folder, or a safetensors file.

    Raises StyleError where there is none, with what there is.
    """
    own = own_styles(source)
    if name in own:
        return own[name]
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / LORA).is_file():
            raise StyleError(f"style '{name}': the folder holds no {LORA}")
        return _in_folder(name, path)
    if path.is_file():
        if path.suffix != ".safetensors":
            raise StyleError(f"style '{name}' is no safetensors file: other kinds can run code, so convert it")
        return Style(name, path)
    near = difflib.get_close_matches(name, own, n=1)
    if near:
        raise StyleError(f"no style '{name}': did you mean '{near[0]}'?")
    there = f"'{source.name}' has {', '.join(own)}" if own else f"'{source.name}' has none of its own"
    raise StyleError(f"no style '{name}': {there}; give one of a checkpoint's own, a folder or a .safetensors file")


def _in_folder(name: str, folder: Path) -> Style:
    file = folder / ABOUT
    if not file.is_file():
        return Style(name, folder / LORA)
    try:
        about = _About.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise StyleError(f"style '{name}': {file} cannot be read ({reason}); write trigger = \"word\" there, or nothing") from None
    return Style(name, folder / LORA, about.trigger)
