"""Writing training sets, atomically."""

import json
import re
import shutil
import unicodedata
from collections.abc import Generator, Iterable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import tomli_w
from PIL import Image as PILImage

from sakuga.datasets.card import card_text, preview_strip
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
    row_values,
)
from sakuga.files import atomic_folder
from sakuga.timeline.clip import Image

SPLIT_WORDS = {"train", "training", "validation", "valid", "val", "dev", "test", "testing", "eval", "evaluation"}
"""Words in file names that the `datasets` library takes for the name of a split."""


def image_name(number: int, name: str) -> str:
    """Return the file name of an image in a set.

    Its number and a safe form of its old name.

    >>> image_name(3, "Ein Schloß, test.JPG")
    '0003-ein-schlo.png'
    """
    plain = unicodedata.normalize("NFKD", Path(name).stem).encode("ascii", "ignore").decode().lower()
    words = [word for word in re.findall(r"[a-z0-9]+", plain) if word not in SPLIT_WORDS]
    return "-".join([f"{number:04}", *words])[:64].rstrip("-") + ".png"


def write_set(
    folder: Path | str,
    images: Iterable[tuple[Example, Image | Path]],
    *,
    trigger: str = "",
    licence: str = UNKNOWN,
    provenance: str = "",
) -> TrainingSet:
    """Write a training set as `write_set_steps` does, to the end."""
    writing = write_set_steps(folder, images, trigger=trigger, licence=licence, provenance=provenance)
    while True:
        try:
            next(writing)
        except StopIteration as done:
            written: TrainingSet = done.value
            return written


def write_set_steps(
    folder: Path | str,
    images: Iterable[tuple[Example, Image | Path]],
    *,
    trigger: str = "",
    licence: str = UNKNOWN,
    provenance: str = "",
    masks: bool = False,
) -> Generator[int, None, TrainingSet]:
    """Write a training set, yielding the number of images so far.

    Arrays are written as PNG, with `masks` of four channels, the last being the mask; files are copied unchanged. The last part of an
    example's `file` is its name in the set. The folder appears when all is written; if closed or failing before, nothing is left behind.
    Raises SetError where the folder is not empty, a name occurs twice, or there is no image.
    """
    folder = Path(folder)
    check_new_set(folder)
    try:
        with atomic_folder(folder) as draft:
            examples: list[Example] = []
            for example, image in images:
                examples.append(replace(example, file=_write_image(draft, Path(example.file).name, image)))
                yield len(examples)
            if not examples:
                raise SetError(f"{folder}: the set would have no images")
            made = TrainingSet(
                folder=draft,
                name=folder.absolute().name,
                trigger=trigger,
                licence=licence,
                provenance=provenance,
                examples=_parted(draft, examples),
                masks=masks,
            )
            _write_metadata(made)
    except OSError as error:
        raise SetError(f"{folder} cannot be written ({error.strerror or error}): choose another place, or free disk space") from error
    return replace(made, folder=folder)


def check_new_set(folder: Path) -> None:
    """Check that a folder is new or empty; raises SetError."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise SetError(f"{folder} exists already: choose another name, or delete it")


def _write_image(draft: Path, name: str, image: Image | Path) -> str:
    """Write an image; returns its path in the set."""
    file = draft / IMAGES / name
    file.parent.mkdir(exist_ok=True)
    if file.exists():
        raise SetError(f"two images of the set would be named {name}: rename one")
    if isinstance(image, Path):
        shutil.copyfile(image, file)
    else:
        content = BytesIO()
        PILImage.fromarray(image).save(content, format="PNG")
        file.write_bytes(content.getvalue())
    return f"{IMAGES}/{name}"


def _parted(draft: Path, examples: list[Example]) -> tuple[Example, ...]:
    """Move images into split folders if any are held out."""
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


def _write_metadata(made: TrainingSet) -> None:
    """Write rows, card and strip, and last `set.toml`."""
    lines: dict[Path, str] = {}
    for example, row in zip(made.examples, row_values(made), strict=True):
        place = made.path(example).relative_to(made.folder).parent if made.held_out else Path()
        lines[place] = lines.get(place, "") + json.dumps(row, ensure_ascii=False) + "\n"
    for place, text in lines.items():
        (made.folder / place / ROWS).write_bytes(text.encode())
    (made.folder / STRIP).write_bytes(preview_strip(made))
    (made.folder / CARD).write_bytes(card_text(made).encode())
    about: dict[str, object] = {"name": made.name, "trigger": made.trigger, "licence": made.licence, "provenance": made.provenance}
    about |= {**({"masks": True} if made.masks else {}), "digest": digest(made)}
    (made.folder / ABOUT).write_bytes(tomli_w.dumps(about).encode())
