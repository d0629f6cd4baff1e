"""Small changes of a training set in its place: captions, crops, balance, or one image less."""

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import ImageOps

from sakuga.datasets.balancing import Ratio, balance_by_repeats
from sakuga.datasets.buckets import Box
from sakuga.datasets.captions import add_trigger, normalize
from sakuga.datasets.image_reading import open_image
from sakuga.datasets.training_set import MAX_REPEATS, ROWS, Composition, Example, SetError, TrainingSet, read_set, row_values
from sakuga.files import write_bytes, write_text
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.work import Work
from sakuga.studio.sets.compositions import label_compositions

LEAST_SIDE = 16
"""The shortest side of a cropped image in pixels."""


@checked()
def edit_caption(folder: Path | str, file: str, caption: str) -> TrainingSet:
    """Give an image of a set another caption; a missing trigger word is added.

    Raises SetError for a file that the set does not hold.
    """
    found = read_set(folder)
    _example(found, file)
    text = add_trigger(normalize(caption), found.trigger)
    return _write(replace(found, examples=tuple(replace(one, text=text) if one.file == file else one for one in found.examples)))


@checked()
def change_example(folder: Path | str, file: str, *, composition: Composition | None = None, repeats: int | None = None) -> TrainingSet:
    """Say what an image of a set shows, or how often it is used in one epoch; None leaves it as it is.

    Raises SetError.
    """
    found = read_set(folder)
    _example(found, file)
    if repeats is not None and not 1 <= repeats <= MAX_REPEATS:
        raise SetError(f"an image cannot be repeated {repeats} times: use 1 to {MAX_REPEATS}, or take it out of the set")
    given: dict[str, Any] = {"composition": composition, "repeats": repeats}
    changes = {key: value for key, value in given.items() if value is not None}
    return _write(replace(found, examples=tuple(replace(one, **changes) if one.file == file else one for one in found.examples)))


@checked()
def crop_image(folder: Path | str, file: str, box: Box) -> TrainingSet:
    """Cut an image of a set to a box; what lies outside is lost to the set.

    Raises SetError for a box that is not within the image.
    """
    found = read_set(folder)
    path, cropped = found.path(_example(found, file)), BytesIO()
    with open_image(path) as opened:
        image, kind = ImageOps.exif_transpose(opened), opened.format
    if not (0 <= box.left < box.right <= image.width and 0 <= box.top < box.bottom <= image.height):
        raise SetError(f"the crop leaves the image: choose one within {image.width} x {image.height} pixels")
    if min(box.width, box.height) < LEAST_SIDE:
        raise SetError(f"a crop of {box.width} x {box.height} pixels is too small: keep at least {LEAST_SIDE} each way")
    image.crop((box.left, box.top, box.right, box.bottom)).save(cropped, kind or "PNG")
    write_bytes(path, cropped.getvalue())
    return found


@checked()
def balance_in_place(folder: Path | str, ratio: Ratio, *, seed: int = 0, clip: str = SKETCHBOOK) -> TrainingSet:
    """Repeat images until each composition has its part of an epoch; no image is lost.

    A CLIP model classifies images whose rows name no composition. Raises SetError, CheckpointError.
    """
    found = read_set(folder)
    labelled = Work(label_compositions(found, clip)).result()
    present = {example.composition for example in labelled if not example.held_out}
    wanted = {kind: part for kind, part in ratio.items() if kind in present}
    if len(wanted) < 2:
        raise SetError("all images have one composition, so there is nothing to balance: add others, or say what each image shows")
    return _write(replace(found, examples=balance_by_repeats(labelled, wanted, seed)))


@checked()
def drop_image(folder: Path | str, file: str) -> TrainingSet:
    """Take an image out of a set and delete its file; raises SetError for the last one."""
    found = read_set(folder)
    path = found.path(_example(found, file))
    if len(found.training) == 1 and found.training[0].file == file:
        raise SetError(f"{found.folder.name} would have no image left to train on: add others first, or delete the set")
    made = _write(replace(found, examples=tuple(one for one in found.examples if one.file != file)))
    path.unlink()
    return made


def _example(found: TrainingSet, file: str) -> Example:
    for example in found.examples:
        if example.file == file:
            return example
    raise SetError(f"{found.folder.name} holds no {file}")


def _write(made: TrainingSet) -> TrainingSet:
    """Write the rows of each part anew, each file atomically."""
    lines: dict[Path, list[str]] = {}
    for example, row in zip(made.examples, row_values(made), strict=True):
        place = made.path(example).parent if made.held_out else made.folder
        lines.setdefault(place, []).append(json.dumps(row, ensure_ascii=False) + "\n")
    for place, rows in lines.items():
        write_text(place / ROWS, "".join(rows))
    return made
