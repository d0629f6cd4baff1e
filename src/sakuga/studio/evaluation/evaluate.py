"""Measure what is there: a folder of pictures, a clip, a style or a training run; alone or against another."""

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

from sakuga import InputError
from sakuga.evaluation.figure import Outcome
from sakuga.story.film import FilmSettings
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.evaluation.reports import REPORT, check_report, write_report


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A report that was written, and the figures in it."""

    report: Path
    figures: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be measured, and by whom; what is None is left to the thing itself."""

    thing: str
    against: str | None = None
    prompts: Path | None = None
    """One prompt a line: for a style what to draw, for a folder what its pictures were to show."""
    count: int | None = None
    """Prompts that a style is tried on."""
    seeds: int = 2
    """Pictures of each prompt."""
    seed: int = 0
    text: str | None = None
    """A text that every picture is compared with."""
    reference: Path | None = None
    """A folder of pictures that a style is to be like."""
    clip: str | None = None
    settings: FilmSettings = field(default_factory=FilmSettings)


def evaluate(asked: Asked, out: Path | str | None = None, *, store: Path | None = None) -> Work[Step, Evaluated]:
    """Measure a folder of pictures, a clip, a style or a training run, and write a report into a folder (NAME-report unless said).

    Raises InputError for what is none of these, and where the folder holds other things than a report of ours.
    """
    return Work(_evaluate(asked, Path(out) if out else Path(f"{Path(asked.thing).stem}-report"), store))


def _evaluate(asked: Asked, out: Path, store: Path | None) -> Generator[Step, None, Evaluated]:
    from sakuga.studio.evaluation.subjects import measured

    check_report(out)
    if not asked.thing.strip():
        raise InputError("there is nothing to evaluate: name a folder of pictures, a clip, a style or a training run")
    page, outcomes, config = yield from measured(asked, store)
    write_report(out, page, outcomes, {"thing": Path(asked.thing).name, "against": asked.against and Path(asked.against).name, **config})
    return Evaluated(report=out / REPORT, figures=outcomes)
