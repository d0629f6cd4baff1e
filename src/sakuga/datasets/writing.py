"""Write a training set, whole or not at all."""

import json
import os
import re
import shutil
import unicodedata
from collections.abc import Generator, Iterable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import numpy as np
import tomli_w
from numpy.typing import NDArray
from PIL import Image

from sakuga.datasets.card import card, strip
from sakuga.datasets.training_set import (
    ABOUT,
    CARD,
    IMAGES,
    ROWS,
    STRIP,
    TEST,
    TRAIN,
    UNKNOWN,
    Example,
    SetError,
    TrainingSet,
    digest,
    rows,
)

Pixels: TypeAlias = NDArray[np.uint8]
"""(height, width, 3) RGB."""
SPLIT_WORDS = {"train", "training", "validation", "valid", "val", "dev", "test", "testing", "eval", "evaluation"}
"""In a file's name these make the `datasets` library take it for one part of the set, and drop all others."""


def numbered(number: int, name: str) -> str:
    """Name the picture of a new set: its number, and what it was called as far as every file system bears it.

    >>> numbered(3, "Ein Schloß, test.JPG")
    '0003-ein-schlo.png'
    """
    plain = unicodedata.normalize("NFKD", Path(name).stem).encode("ascii", "ignore").decode().lower()
    words = [word for word in re.findall(r"[a-z0-9]+", plain) if word not in SPLIT_WORDS]
    return "-".join([f"{number:04}", *words])[:64].rstrip("-") + ".png"


def write_set(
    folder: Path | str,
    pictures: Iterable[tuple[Example, Pixels | Path]],
    *,
    trigger: str = "",
    licence: str = UNKNOWN,
    provenance: str = "",
) -> TrainingSet:
    """Write a training set as `writing_set` does, to the end."""
    writing = writing_set(folder, pictures, trigger=trigger, licence=licence, provenance=provenance)
    while True:
        try:
            next(writing)
        except StopIteration as done:
            written: TrainingSet = done.value
            return written


def writing_set(
    folder: Path | str,
    pictures: Iterable[tuple[Example, Pixels | Path]],
    *,
    trigger: str = "",
    licence: str = UNKNOWN,
    provenance: str = "",
) -> Generator[int, None, TrainingSet]:
    """Write a training set picture by picture, and yield how many there are so far.

    Each comes with its example: a picture's pixels are written as PNG, a file is copied as it is. Of an example's `file` the last part is
    its name in the set. The folder appears when all is written; closed or failing before, nothing is left behind.
    Raises SetError where the folder holds something already, a name comes twice, or there is no picture.
    """
    folder = Path(folder)
    check_new_set(folder)
    draft = folder.absolute().with_name(f".{folder.absolute().name}.{os.getpid()}")
    try:
        draft.mkdir(parents=True)
        examples: list[Example] = []
        for example, picture in pictures:
            examples.append(replace(example, file=_write_picture(draft, Path(example.file).name, picture)))
            yield len(examples)
        if not examples:
            raise SetError(f"{folder}: no picture is left for this set")
        made = TrainingSet(
            folder=draft,
            name=folder.absolute().name,
            trigger=trigger,
            licence=licence,
            provenance=provenance,
            examples=_parted(draft, examples),
        )
        _write_words(made)
        draft.replace(folder)
    except OSError as error:
        raise SetError(f"{folder} cannot be written ({error.strerror or error}): choose another place, or make room") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return replace(made, folder=folder)


def check_new_set(folder: Path) -> None:
    """Refuse a folder that holds something, before any work is done; raises SetError."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise SetError(f"{folder} is there already: choose another name, or delete it")


def _write_picture(draft: Path, name: str, picture: Pixels | Path) -> str:
    """Put a picture among all others, and tell its file."""
    file = draft / IMAGES / name
    file.parent.mkdir(exist_ok=True)
    if file.exists():
        raise SetError(f"two pictures of the set would be called {name}: rename one")
    if isinstance(picture, Path):
        shutil.copyfile(picture, file)
        _synced(file)
    else:
        content = BytesIO()
        Image.fromarray(picture).save(content, format="PNG")
        _write(file, content.getvalue())
    return f"{IMAGES}/{name}"


def _parted(draft: Path, examples: list[Example]) -> tuple[Example, ...]:
    """Where pictures are held out, move all into the folders of the two parts."""
    if not any(example.held_out for example in examples):
        return tuple(examples)
    parted: list[Example] = []
    for example in sorted(examples, key=lambda example: example.held_out):
        part = TEST if example.held_out else TRAIN
        (draft / part).mkdir(exist_ok=True)
        name = Path(example.file).name
        (draft / example.file).rename(draft / part / name)
        parted.append(replace(example, file=f"{part}/{name}"))
    (draft / IMAGES).rmdir()
    return tuple(parted)


def _write_words(made: TrainingSet) -> None:
    """Write the rows, the card and its strip of pictures, and last of all `set.toml`, which makes it a set."""
    words: dict[Path, str] = {}
    for example, said in zip(made.examples, rows(made), strict=True):
        place = made.path(example).relative_to(made.folder).parent if made.held_out else Path()
        words[place] = words.get(place, "") + json.dumps(said, ensure_ascii=False) + "\n"
    for place, lines in words.items():
        _write(made.folder / place / ROWS, lines.encode())
    _write(made.folder / STRIP, strip(made))
    _write(made.folder / CARD, card(made).encode())
    said = {"name": made.name, "trigger": made.trigger, "licence": made.licence, "provenance": made.provenance, "digest": digest(made)}
    _write(made.folder / ABOUT, tomli_w.dumps(said).encode())


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    _synced(path)


def _synced(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
