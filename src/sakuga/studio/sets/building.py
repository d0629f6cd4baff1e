"""A training set out of pictures from outside."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sakuga import __version__
from sakuga.datasets.captions import says, tidied, with_trigger
from sakuga.datasets.hub import gather_from_hub
from sakuga.datasets.image_reading import PictureError, read_picture
from sakuga.datasets.image_sources import Found, Gathered, gather, told
from sakuga.datasets.training_set import UNKNOWN, Example, SetError
from sakuga.datasets.writing import check_new_set, numbered, writing_set
from sakuga.models.checkpoint_lookup import HUB_NAME
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.text import counted

FEW = 3
"""Pictures that may be damaged in any set; of a large one a quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltSet:
    """A set that was made of pictures from outside."""

    out: Path
    pictures: int
    captioned: int
    skipped: tuple[str, ...]
    """Why each picture that is not in it could not be read, with its name."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Defaults:
    """What holds for pictures of which nothing else is said."""

    caption: str
    trigger: str
    licence: str
    source: str


@dataclass(slots=True)
class _Tally:
    """What is counted while pictures go by."""

    examples: list[Example] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    triggered: int = 0


def build_set(
    pictures: Path | str, out: Path | str, *, caption: str = "", trigger: str = "", licence: str | None = None, source: str | None = None
) -> Work[Step, BuiltSet]:
    """Make a training set of a folder of pictures, a table of captions beside its pictures, or an `owner/name` of the hub.

    `caption`, `licence` and `source` are for pictures of which nothing else is said; a caption that lacks the trigger word gets it.
    Raises SetError, with one sentence, where there are no pictures, too many cannot be read, or `out` is there already.
    """
    defaults = _Defaults(
        caption=tidied(caption), trigger=tidied(trigger), licence=tidied(licence or "") or UNKNOWN, source=tidied(source or "")
    )
    return Work(_build(str(pictures), Path(out), defaults))


def _build(pictures: str, out: Path, defaults: _Defaults) -> Generator[Step, None, BuiltSet]:
    check_new_set(out)
    yield Step(stage="loading", done=0, total=1)
    with TemporaryDirectory(prefix="sakuga-") as scratch:
        gathered = _gathered(pictures, Path(scratch))
        yield Step(stage="loading", done=1, total=1)
        tally = _Tally()
        writing = Work(
            writing_set(
                out,
                _read(gathered.pictures, defaults, tally),
                trigger=defaults.trigger,
                licence=defaults.licence,
                provenance=f"built from {Path(pictures).name or pictures} by sakuga {__version__}",
            )
        )
        for count in writing:
            yield Step(stage="export", done=count, total=len(gathered.pictures))
    made = writing.result()
    notes = (*gathered.notes, *_notes(tally, defaults))
    for note in notes:
        yield Step(stage="export", note=note)
    captioned = sum(bool(example.text) for example in made.examples)
    return BuiltSet(out=out, pictures=len(made.examples), captioned=captioned, skipped=tuple(tally.skipped), notes=notes)


def _gathered(pictures: str, scratch: Path) -> Gathered:
    if Path(pictures).exists() or not HUB_NAME.fullmatch(pictures):
        return gather(Path(pictures))
    notes: list[str] = []
    return Gathered(pictures=tuple(gather_from_hub(pictures, scratch, notes)), notes=tuple(dict.fromkeys(notes)))


def _read(found: Sequence[Found], defaults: _Defaults, tally: _Tally) -> Iterator[tuple[Example, np.ndarray]]:
    """Read the pictures one by one, and pass over what cannot be read; raises SetError where that is too many."""
    for one in found:
        try:
            read = read_picture(one.path)
        except PictureError as error:
            tally.skipped.append(str(error).replace(str(one.path), one.name))
            continue
        example = _example(one, len(tally.examples) + 1, defaults)
        tally.triggered += bool(defaults.trigger) and not says(defaults.trigger, one.text or defaults.caption)
        tally.examples.append(example)
        tally.settled += read.notes
        yield example, read.picture
    if len(tally.skipped) > max(FEW, len(found) // 4) or len(tally.skipped) == len(found):
        raise SetError(f"{len(tally.skipped)} of {len(found)} pictures cannot be read, too many for a set: {told(tally.skipped)}")


def _example(found: Found, number: int, defaults: _Defaults) -> Example:
    return Example(
        file=numbered(number, found.name),
        text=with_trigger(found.text or defaults.caption, defaults.trigger),
        source=found.source or defaults.source or found.name,
        licence=found.licence or defaults.licence,
        composition=found.composition,
        seed=found.seed,
        held_out=found.held_out,
    )


def _notes(tally: _Tally, defaults: _Defaults) -> Iterator[str]:
    """Tell what a person should know of the set that was made."""
    examples = tally.examples
    if tally.skipped:
        yield f"{counted(len(tally.skipped), 'picture is', 'pictures are')} left out: {told(tally.skipped)}"
    if tally.settled:
        yield told(tally.settled)
    if silent := [example.file for example in examples if not example.text]:
        many = counted(len(silent), "picture has", "pictures have")
        yield f"{many} no caption ({told(silent)}): give --caption, or let `sakuga data caption` write them"
    if tally.triggered:
        yield f"the trigger word {defaults.trigger!r} was added to {counted(tally.triggered, 'caption')}"
    if unknown := sum(example.licence == UNKNOWN for example in examples):
        yield f"of {counted(unknown, 'picture')} the licence is unknown: say it with --licence, or in a column `licence`"
    if len(examples) == 1:
        yield "a set of one picture teaches this picture, and no style: bring 10 or more"
