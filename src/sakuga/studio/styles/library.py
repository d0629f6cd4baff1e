"""The styles at hand: listed, shown, kept under $SAKUGA_HOME, and removed from there."""

import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.families import CALLED
from sakuga.models.styles import ABOUT, CARD, PEFT_CONFIG, Style, StyleError, card_of, find_style, own_styles, styles_in
from sakuga.studio.core.styles import styles_folder

STRIP = "sheet.webp"
EXTRAS = (ABOUT, CARD, STRIP, PEFT_CONFIG)
NAME = re.compile(r"[\w-][\w.-]*")
ROW = re.compile(r"^\|\s*(.+?)\s*\|\s*(.+?)\s*\|$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A style, told by its files alone."""

    name: str
    place: str
    """model, kept or folder: where it is at home."""
    files: tuple[str, ...]
    digest: str
    bytes: int
    trigger: str
    suffix: str
    """Words that prompts say behind the trigger."""
    weight: float
    """How strongly it is worn, unless said."""
    finishing: dict[str, Any]
    """How clips in it are finished; empty where it says nothing."""
    words: dict[str, int]
    """Learnt words, with how many tokens each takes."""
    layers: int
    ranks: tuple[int, ...]
    changes: tuple[str, ...]
    """The networks that it changes."""
    made_for: str | None
    base: str | None
    """The base model that its card names."""
    figures: dict[str, str]
    """The rows of its card."""
    card: str
    strip: str | None
    """A picture of what it does, where one lies beside it."""


def list_styles(model: str = SKETCHBOOK, folders: Iterable[Path] = ()) -> tuple[Shown, ...]:
    """List a model's own styles, those kept under $SAKUGA_HOME, and those of more folders."""
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}: give one that holds styles")
    places = [("model", own_styles(find_checkpoint(model))), ("kept", styles_in(styles_folder()))]
    places += [("folder", styles_in(folder)) for folder in folders]
    return tuple(_shown(style, place) for place, styles in places for style in styles.values())


def show_style(name: str, model: str = SKETCHBOOK) -> Shown:
    """Tell what a style is: its words, layers, family, card. Raises StyleError."""
    source = find_checkpoint(model)
    style = find_style(name, source, styles_folder())
    place = "model" if name in own_styles(source) else "kept" if name in styles_in(styles_folder()) else "folder"
    return _shown(style, place)


def keep_style(name: str, called: str | None = None, model: str = SKETCHBOOK) -> Path:
    """Copy a style into $SAKUGA_HOME/styles, where it is found by its name; raises StyleError where it is taken or cannot be a name."""
    style = find_style(name, find_checkpoint(model), styles_folder())
    called = called or Path(style.name).stem
    if not NAME.fullmatch(called):
        raise StyleError(f"a style cannot be called '{called}': use letters, digits, - and _")
    folder = styles_folder() / called
    if folder.exists():
        raise StyleError(f"there is a style '{called}' already: remove it first, or give another --name")
    beside = folder.with_name(f".writing-{called}")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    extras = [style.folder / extra for extra in EXTRAS] if style.folder else []
    for file in (*style.files, *filter(Path.is_file, extras)):
        shutil.copyfile(file, beside / file.name)
    beside.replace(folder)
    return folder


def kept_style(name: str) -> Path:
    """Find where a kept style lies; raises StyleError for one that is not under $SAKUGA_HOME."""
    known = styles_in(styles_folder())
    if name not in known:
        there = f"there is {', '.join(known)}" if known else "there is none"
        raise StyleError(f"no style '{name}' in {styles_folder()}, and no other may be removed: {there}")
    return known[name].folder or known[name].files[0]


def remove_style(name: str) -> Path:
    """Delete a kept style; raises StyleError for one that is not under $SAKUGA_HOME."""
    place = kept_style(name)
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink()
    return place


def _shown(style: Style, place: str) -> Shown:
    held, folder = style.contents, style.folder
    card = (folder / CARD).read_text(encoding="utf-8", errors="replace") if folder and (folder / CARD).is_file() else ""
    said = card_of(folder) if folder else {}
    rows = {name: value for name, value in ROW.findall(card) if set(name + value) - set("-: ")}
    strip = folder / STRIP if folder else None
    return Shown(
        name=style.name,
        place=place,
        files=tuple(str(file) for file in style.files),
        digest=style.digest,
        bytes=sum(file.stat().st_size for file in style.files),
        trigger=style.said,
        suffix=style.about.suffix,
        weight=style.about.weight,
        finishing={key: value for key, value in asdict(style.about.finishing).items() if value is not None},
        words=held.words,
        layers=len(held.layers),
        ranks=tuple(sorted(set(held.layers.values()))),
        changes=tuple(sorted({layer.split(".", 1)[0] for layer in held.layers})),
        made_for=CALLED[held.family] if held.family else None,
        base=str(said["base_model"]) if "base_model" in said else None,
        figures=rows,
        card=card,
        strip=str(strip) if strip and strip.is_file() else None,
    )
