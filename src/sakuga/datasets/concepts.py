"""Several concepts in one training: `concepts.toml`, sets with repeats, shares and loss weights."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sakuga.datasets.captions import add_trigger, remove_trigger
from sakuga.datasets.training_set import MAX_REPEATS, Example, SetError, TrainingSet, read_set
from sakuga.files import TextError, parse_toml, read_utf8
from sakuga.text import lower_first


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """A training set within a training."""

    set: TrainingSet
    repeats: int
    loss_weight: float
    regularisation: bool
    """Whether it keeps what the model can do: its captions lose the trigger word."""
    share: float | None
    """Its share of an epoch, in place of repeats."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Concept(_Table):
    set: str
    repeats: Annotated[int, Field(ge=1, le=MAX_REPEATS)] = 1
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    loss_weight: Annotated[float, Field(gt=0, le=100)] = 1.0
    regularisation: bool = False
    trigger: str | None = None


class _File(_Table):
    concept: Annotated[list[_Concept], Field(min_length=1)]


def read_concepts(file: Path) -> TrainingSet:
    """Read `concepts.toml` as one training set, whose images stay where they are.

    Folders are relative to the file. The trigger words of all concepts are the set's. Raises SetError naming file, concept and key.
    """
    try:
        read = _File.model_validate(parse_toml(read_utf8(file)))
    except ValidationError as caught:
        error = caught.errors()[0]
        place = ".".join(str(part + 1) if isinstance(part, int) else part for part in error["loc"])
        known = f"; keys are {', '.join(_Concept.model_fields)}" if error["type"] == "extra_forbidden" else ""
        raise SetError(f"{file}: {place}: {lower_first(error['msg'])}{known}") from None
    except OSError as error:
        raise SetError(f"{file} cannot be read ({error.strerror})") from None
    except (TextError, ValueError) as error:
        raise SetError(f"{file} cannot be read ({error})") from None
    return combine(file, [_read(file, number, one) for number, one in enumerate(read.concept, 1)])


def _read(file: Path, number: int, one: _Concept) -> Concept:
    folder = file.parent / one.set
    try:
        found = read_set(folder)
    except SetError as error:
        raise SetError(f"{file}: concept {number}: {error}") from None
    if not found.training:
        raise SetError(f"{file}: concept {number}: {folder} has no image to train on: hold fewer out")
    if one.trigger is not None:
        texts = [add_trigger(remove_trigger(example.text, found.trigger), one.trigger) for example in found.examples]
        examples = tuple(replace(example, text=text) for example, text in zip(found.examples, texts, strict=True))
        found = replace(found, trigger=one.trigger, examples=examples)
    return Concept(
        set=found, repeats=one.repeats, loss_weight=one.loss_weight, regularisation=one.regularisation, share=one.share
    )  # fmt: skip


def combine(file: Path, concepts: list[Concept]) -> TrainingSet:
    """Combine concepts into one set, with repeats that give them their shares.

    Raises SetError where some have a share and others none, or only some have masks.
    """
    repeats = _repeats(file, concepts)
    if len({concept.set.masks for concept in concepts}) > 1:
        raise SetError(f"{file}: some sets have masks and some have none: build all with masks, as a white mask counts everywhere")
    examples = [
        _example(file, concept, example, times)
        for concept, times in zip(concepts, repeats, strict=True)
        for example in concept.set.examples
    ]
    subjects = [concept for concept in concepts if not concept.regularisation]
    triggers = dict.fromkeys(concept.set.trigger for concept in subjects if concept.set.trigger)
    return TrainingSet(
        folder=file.parent,
        name=file.stem,
        trigger=", ".join(triggers),
        licence=concepts[0].set.licence,
        provenance=f"{len(concepts)} concepts of {file.name}",
        examples=tuple(examples),
        masks=concepts[0].set.masks,
    )


def _example(file: Path, concept: Concept, example: Example, times: int) -> Example:
    text = remove_trigger(example.text, concept.set.trigger) if concept.regularisation else example.text
    place = Path(os.path.relpath(concept.set.path(example), file.parent)).as_posix()
    return replace(
        example,
        file=place,
        text=text,
        repeats=example.repeats * times,
        loss_weight=concept.loss_weight,
        held_out=example.held_out and not concept.regularisation,
    )


def _repeats(file: Path, concepts: list[Concept]) -> list[int]:
    """Return how often each concept's images come up in an epoch."""
    shares = [concept.share for concept in concepts if concept.share is not None]
    if not shares:
        return [concept.repeats for concept in concepts]
    if len(shares) < len(concepts) or any(concept.repeats != 1 for concept in concepts):
        raise SetError(f"{file}: some concepts have a share and some have none, or repeats: give every concept a share, and no repeats")
    wanted = [share / len(concept.set.epoch) for share, concept in zip(shares, concepts, strict=True)]
    return [max(1, round(each / min(wanted))) for each in wanted]
