"""Small changes of a training set in its place: one caption, or one image less."""

import json
from dataclasses import replace
from pathlib import Path

from sakuga.datasets.captions import add_trigger, normalize
from sakuga.datasets.training_set import ROWS, Example, SetError, TrainingSet, read_set, row_values
from sakuga.files import write_text
from sakuga.studio.core.arguments import checked


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
