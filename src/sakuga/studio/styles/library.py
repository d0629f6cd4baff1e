"""The style library in $SAKUGA_HOME."""

import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.export import check_folder
from sakuga.files import atomic_folder
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.families import FAMILY_NAMES
from sakuga.models.style_files import CARD_FILE, PEFT_CONFIG, STYLE_FILE, Style, StyleError, read_card
from sakuga.models.styles import checkpoint_styles, read_styles
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.style_lookup import resolve_style, styles_folder
from sakuga.studio.core.styles import NONE
from sakuga.text import name_key

STRIP = "sheet.webp"
EXTRAS = (STYLE_FILE, CARD_FILE, STRIP, PEFT_CONFIG)
NAME = re.compile(r"[\w-][\w.-]*")
ROW = re.compile(r"^\|\s*(.+?)\s*\|\s*(.+?)\s*\|$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleInfo:
    """Facts of a style, read from its files' headers."""

    name: str
    place: str
    """model, library or folder."""
    files: tuple[str, ...]
    digest: str
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


@checked()
def list_styles(model: str = SKETCHBOOK, folders: Iterable[Path] = ()) -> tuple[StyleInfo, ...]:
    """List the styles of a model, the library and folders."""
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"no folder {folder}: give one that holds styles")
    places = [("model", checkpoint_styles(find_checkpoint(model))), ("library", read_styles(styles_folder()))]
    places += [("folder", read_styles(folder)) for folder in folders]
    return tuple(_info(style, place) for place, styles in places for style in styles.values())


@checked()
def show_style(name: str, model: str = SKETCHBOOK) -> StyleInfo:
    """Return a style's trigger words, layers, family and card.

    Raises StyleError.
    """
    source = find_checkpoint(model)
    style = resolve_style(name, source)
    place = "model" if name in checkpoint_styles(source) else "library" if name in read_styles(styles_folder()) else "folder"
    return _info(style, place)


@checked()
def add_style(style: str, name: str | None = None, model: str = SKETCHBOOK) -> Path:
    """Copy a style into the library.

    Under a name, by default its own.

    Return its folder.

    Raises StyleError for a name that is taken or not allowed.
    """
    source = find_checkpoint(model)
    found = resolve_style(style, source)
    name = name or Path(found.name).stem
    if not NAME.fullmatch(name):
        raise StyleError(f"'{name}' cannot be a style's name: use letters, digits, - and _")
    if name_key(name) in map(name_key, (NONE, *checkpoint_styles(source))):
        meaning = "no style" if name_key(name) == NONE else f"{source.name}'s own style"
        raise StyleError(f"'{name}' means {meaning} wherever a style is named: give another --name")
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
    """Delete a style from the library.

    Raises StyleError for any other.
    """
    path = library_style(name)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    return path


def _info(style: Style, place: str) -> StyleInfo:
    contents, folder = style.contents, style.folder
    card = (folder / CARD_FILE).read_text(encoding="utf-8", errors="replace") if folder and (folder / CARD_FILE).is_file() else ""
    header = read_card(folder) if folder else {}
    rows = {name: value for name, value in ROW.findall(card) if set(name + value) - set("-: ")}
    strip = folder / STRIP if folder else None
    return StyleInfo(
        name=style.name,
        place=place,
        files=tuple(str(file) for file in style.files),
        digest=style.digest,
        bytes=sum(file.stat().st_size for file in style.files),
        trigger=style.prompt_trigger,
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
    )
