"""What an evaluation measures, and what it returns."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sakuga import InputError
from sakuga.evaluation.metric import Measurement
from sakuga.evaluation.report import Page
from sakuga.story.options import SEED
from sakuga.story.settings import FilmSettings
from sakuga.studio.core.arguments import check_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRequest:
    """What to measure and with which models.

    None takes the subject's own.
    """

    subject: str
    """A folder of images, a clip, a training run, a style by name, folder, file or hub id, or "motion"."""
    against: str | None = None
    """A second subject of the same kind to compare it with."""
    titles: tuple[str, ...] = ()
    """What the report calls two clips; without them it takes the names of their files."""
    in_studio: bool = False
    """Whether the report names the buttons of the studio where it would name commands."""
    prompts: Path | None = None
    """A file of prompts, one a line: to generate in a style, or what a folder's images show."""
    count: int | None = None
    """Prompts for a style, 32 by default, or clips for a motion adapter, 16 by default."""
    seeds: int = 2
    """Images for each prompt of a style."""
    seed: int = 0
    text: str | None = None
    """A text that every image is scored against."""
    reference: Path | None = None
    """A folder of reference images for a style."""
    clip: str | None = None
    """The CLIP model that scores prompts: a folder or hub id."""
    settings: FilmSettings = field(default_factory=FilmSettings)

    def __post_init__(self) -> None:
        """Check types and ranges; raises SettingsError, InputError."""
        check_fields(self)
        SEED.check("seed", self.seed)
        if self.seeds < 1 or (self.count is not None and self.count < 1):
            raise InputError("use at least one prompt and one seed")
        SEED.check("seed of the last image", self.seed + self.seeds - 1)
        if self.reference and not self.reference.is_dir():
            raise InputError(f"{self.reference}: there is no such folder of reference images")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A written report and the metrics in it."""

    report: Path
    metrics: tuple[Measurement, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvaluatedPage:
    """A report before it is written."""

    page: Page
    metrics: tuple[Measurement, ...]
    config: dict[str, Any]
    """What `config.json` records."""
