"""A job's work, and what it leaves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sakuga.story.film import from_document
from sakuga.story.settings import FilmSettings
from sakuga.studio.core.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Frames of a clip that its scorecard names, counted from 0."""

    first: int
    last: int
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an ended job leaves."""

    values: dict[str, Any]
    """The job's `result`."""
    clip: Path | None = None
    model: str | None = None
    """The model that the clip was made with, where that is not the built-in one."""
    images: tuple[tuple[str, str], ...] = ()
    """Frames for the library, with their prompts."""
    report: dict[str, Any] | None = None
    """Metrics of a report in the job's folder."""
    faults: tuple[Fault, ...] | None = None
    """Bad frames of the clip that was measured; None where that was no clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A work, and what to make of its result."""

    work: Work[Any, Any]
    made: Callable[[Any], Made]
    shots: Callable[[], Mapping[str, int]] = dict
    """Returns the shot that each frame belongs to, where that is known."""


def read_settings(values: dict[str, Any]) -> FilmSettings:
    """Read film settings by name, as film.toml has them; raises FilmError."""
    return from_document({"film": values, "shots": [{"prompt": "a", "seconds": 1.0, "seed": 0}]}, "settings").settings
