"""The style library in $SAKUGA_HOME."""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.export import check_folder
from sakuga.files import atomic_folder, read_bytes
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.families import FAMILY_NAMES
from sakuga.models.style_files import (
    CARD_FILE,
    MAX_CARD,
    PEFT_CONFIG,
    STYLE_FILE,
    Style,
    StyleContents,
    StyleError,
    check_readable,
    read_card,
)
from sakuga.models.styles import checkpoint_styles, read_styles
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.style_lookup import library_styles, resolve_style, styles_folder
from sakuga.studio.core.styles import NONE
from sakuga.studio.styles.registered_folders import forget_style_folder, registered_folder
from sakuga.text import name_key

STRIP = "sheet.webp"
EXTRAS = (STYLE_FILE, CARD_FILE, STRIP, PEFT_CONFIG)
NAME = re.compile(r"[\w-][\w.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleInfo:
    """Facts of a style, read from its files' headers."""

    name: str
    place: str
    """model, library, registered (a file of a registered folder) or folder."""
    files: tuple[str, ...]
    digest: str | None
    """None in lists of registered folders, whose files are many and large."""
    bytes: int
    trigger: str
    suffix: str
    """Words added to prompts after the trigger word."""
    weight: float
    """The default adapter weight."""
    finishing: dict[str, Any]
    """Finishing settings that the style recommends."""
    frequent_tags: tuple[str, ...]
    """The commonest words of its training captions, by the file's own metadata; the first are likely trigger words."""
    words: dict[str, int]
    """Learned words, with their number of tokens."""
    layers: int
    kinds: tuple[str, ...]
    """What its changes are: LoRA, LoHa, LoKr, ..."""
    ranks: tuple[int, ...]
    changes: tuple[str, ...]
    """The networks that it changes."""
    made_for: str | None
    base: str | None
    """The base model that the card names."""
    figures: dict[str, str]
    """The table rows of the card."""
    card: str
    strip: str | None
    """An example image beside the style, if there is one."""
    unread: dict[str, str]
    """Why a key of its files cannot be read, or a layer lacks weights, by its name."""
    fault: str = ""
    """Why its files cannot be read at all."""

    @property
    def is_readable(self) -> bool:
        """Return whether the style can be applied to a model of its family."""
        return not (self.unread or self.fault)


@checked()
def list_styles(model: str = SKETCHBOOK, folders: Iterable[Path] = ()) -> tuple[StyleInfo, ...]:
    """List the styles of a model, the library, registered folders and other folders."""
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"no folder {folder}: give one that holds styles")
    own, library = checkpoint_styles(find_checkpoint(model)), read_styles(styles_folder())
    places = [("model", own), ("library", library)]
    places.append(("registered", {name: style for name, style in library_styles().items() if name not in {**own, **library}}))
    places += [("folder", read_styles(folder)) for folder in folders]
    return tuple(_listed(style, place) for place, styles in places for style in styles.values())


def _listed(style: Style, place: str) -> StyleInfo:
    """Return a style's facts, or why it cannot be read."""
    try:
        return _info(style, place)
    except StyleError as error:
        unknown = StyleContents(learned_words={}, layers={}, kinds=(), family=None, frequent_tags=(), unread={})
        return replace(_info_of(style, place, unknown), fault=str(error))


@checked()
def show_style(name: str, model: str = SKETCHBOOK) -> StyleInfo:
    """Return a style's trigger words, layers, family and card.

    Raises StyleError.
    """
    source = find_checkpoint(model)
    style = resolve_style(name, source)
    library = ("library", read_styles(styles_folder())), ("registered", library_styles())
    places = (("model", checkpoint_styles(source)), *library)
    place = next((place for place, styles in places if name in styles), "folder")
    return replace(_info(style, place), digest=style.digest)


@checked()
def add_style(style: str, name: str | None = None, model: str = SKETCHBOOK) -> Path:
    """Copy a style into the library, under a name, by default its own; return its folder.

    Raises StyleError for a style that cannot be read, and for a name that is taken or not allowed.
    """
    source = find_checkpoint(model)
    found = resolve_style(style, source)
    name = name or Path(found.name).stem
    if not NAME.fullmatch(name):
        raise StyleError(f"'{name}' cannot be a style's name: use letters, digits, - and _")
    if name_key(name) in map(name_key, (NONE, *checkpoint_styles(source))):
        meaning = "no style" if name_key(name) == NONE else f"{source.name}'s own style"
        raise StyleError(f"'{name}' means {meaning} wherever a style is named: give another --name")
    check_readable(found)
    if not found.contents.layers and not found.contents.learned_words:
        raise StyleError(f"style '{found.name}' has no weights: download or train it again")
    folder = styles_folder() / name
    check_folder(folder)
    if folder.exists():
        raise StyleError(f"the library has a style '{name}' already: remove it first, or give another --name")
    extras = [found.folder / extra for extra in EXTRAS] if found.folder else []
    with atomic_folder(folder) as draft:
        for file in (*found.files, *filter(Path.is_file, extras)):
            shutil.copyfile(file, draft / file.name)
    return folder


def library_style(name: str) -> Path:
    """Return the path of a library style.

    Raises StyleError for any other.
    """
    known = read_styles(styles_folder())
    if name not in known:
        names = f"it has {', '.join(known)}" if known else "it is empty"
        raise StyleError(f"no style '{name}' in the library {styles_folder()}: {names}")
    return known[name].folder or known[name].files[0]


@checked()
def remove_style(name: str) -> Path:
    """Delete a style from the library, or forget a registered folder, whose files stay.

    Raises StyleError for any other.
    """
    if folder := registered_folder(name):
        forget_style_folder(folder)
        return folder
    path = library_style(name)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    return path


def _info(style: Style, place: str) -> StyleInfo:
    return _info_of(style, place, style.contents)


def _info_of(style: Style, place: str, contents: StyleContents) -> StyleInfo:
    folder = style.folder
    card = _card(folder) if folder else ""
    header = read_card(folder) if folder else {}
    rows = {name: value for name, value in _rows(card) if set(name + value) - set("-: ")}
    strip = folder / STRIP if folder else None
    return StyleInfo(
        name=style.name,
        place=place,
        files=tuple(str(file) for file in style.files),
        digest=None if place == "registered" else style.digest,
        bytes=sum(file.stat().st_size for file in style.files),
        trigger=style.trigger or ", ".join(contents.learned_words),
        suffix=style.metadata.suffix,
        weight=style.metadata.weight,
        finishing={key: value for key, value in asdict(style.metadata.finishing).items() if value is not None},
        frequent_tags=contents.frequent_tags,
        words=contents.learned_words,
        layers=len(contents.layers),
        kinds=contents.kinds,
        ranks=tuple(sorted(set(contents.layers.values()) - {0})),
        changes=tuple(sorted({layer.split(".", 1)[0] for layer in contents.layers})),
        made_for=FAMILY_NAMES[contents.family] if contents.family else None,
        base=str(header["base_model"]) if "base_model" in header else None,
        figures=rows,
        card=card,
        strip=str(strip) if strip and strip.is_file() else None,
        unread=contents.unread,
    )


def _card(folder: Path) -> str:
    """Return the text of a style's card; empty where there is none, or one that is no card's size."""
    try:
        return read_bytes(folder / CARD_FILE, MAX_CARD).decode(errors="replace")
    except OSError:
        return ""


def _rows(card: str) -> Iterator[tuple[str, str]]:
    """Yield the first cell and the rest of each row of a card's tables."""
    for line in card.splitlines():
        if line.startswith("|") and line.endswith("|"):
            name, bar, value = line[1:-1].partition("|")
            if bar and name.strip() and value.strip():
                yield name.strip(), value.strip()
