"""The built-in model: train it, put it together, score it."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar, cast

from PIL import Image
from pydantic import TypeAdapter, ValidationError

from sakuga import InputError
from sakuga.export import contact_sheet
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering.store import given_spec
from sakuga.story.film import FilmSettings
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import Bench
from sakuga.studio.core.settings import settled
from sakuga.studio.core.work import Work
from sakuga.studio.sketchbook.depth_score import score_depth_and_control
from sakuga.studio.sketchbook.scoring import drawing, score_few_step, score_sizes, score_styles, told
from sakuga.studio.sketchbook.variation_score import score_variations
from sakuga.timeline.clip import Clip, Frame
from sakuga.training.sketchbook.options import STAGES, Stage
from sakuga.training.sketchbook.options import Options as TrainingOptions

Table = TypeVar("Table")
SHOWN = 64
"""Pictures of a scoring's sheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStep:
    """A step of one stage: samples seen, of how many, and the parts of the loss, which `float` reads."""

    stage: str
    seen: int
    samples: int
    losses: Mapping[str, Any]


def train_sketchbook(stage: str, options: TrainingOptions) -> Work[StageStep, Path]:
    """Train one stage, or "all" in order; what is finished lies in `weights` below the work folder.

    Closing the work saves and stops it, with all its workers. Returns the folder of finished weights. Raises InputError for an unknown
    stage, and for numbers that nothing can be trained by.
    """
    if stage not in (*STAGES, "all"):
        raise InputError(f"no stage {stage!r}: there are {', '.join(STAGES)} and all")
    for name in ("processes", "workers", "threads", "samples", "batch", "pictures"):
        count = getattr(options, name)
        if count is not None and count < 1:
            raise InputError(f"{name} {count} trains nothing: choose 1 or more")
    return Work(_train(STAGES if stage == "all" else (cast(Stage, stage),), options))


def parse_start(text: str) -> Path:
    """Read where a training begins: "shipped" or a folder of finished weights; raises InputError where there is none."""
    folder = find_checkpoint().folder if text == "shipped" else Path(text).expanduser()
    if not folder.is_dir():
        raise InputError(f"there is no folder {text} of weights to go on from: give one, or shipped")
    return folder


def _train(stages: Sequence[Stage], options: TrainingOptions) -> Generator[StageStep, None, Path]:
    from sakuga.training.sketchbook.recipe import train

    for stage in stages:
        with closing(train(stage, options)) as steps:
            for step in steps:
                yield StageStep(stage=stage, seen=step.seen, samples=step.samples, losses=step.losses)
    return options.work / "weights"


def export_sketchbook(work: Path, out: Path | None = None) -> list[str]:
    """Put the finished networks of a work folder together as a checkpoint: the package's own, unless `out` names a folder."""
    from sakuga.training.sketchbook.export import shipped, write_folder

    try:
        return write_folder(work / "weights", out or shipped())
    except FileNotFoundError as error:
        raise InputError(str(error)) from None


def write_sketchbook_card(folder: Path | None = None, *, figures: Path | None = None, work: Path | None = None) -> Path:
    """Write the card of a checkpoint folder (the package's own, unless named) from `score.json` and `training.json` beside it.

    `figures` is what `sakuga sketchbook score --json` printed, to take in place of that score; the runs of a `work` folder take the place
    of trainings of the same name. Returns the card's path. Raises InputError where a file holds no figures.
    """
    from sakuga.training.sketchbook.card import CARD, FIGURES, TRAINING, write_card
    from sakuga.training.sketchbook.run_summary import learnt

    folder = folder or find_checkpoint().folder
    trained = _table(folder / TRAINING, dict[str, dict[str, float]])
    trained |= learnt(work / "runs") if work else {}
    write_card(folder, _table(figures or folder / FIGURES, dict[str, float]), trained)
    return folder / CARD


def _table(path: Path, kind: type[Table]) -> Table:
    """Read a table of figures; raises InputError."""
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes(), strict=True)
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"{error.errors()[0]['msg']}"
        raise InputError(f"{path} holds no figures ({reason}): write it by `sakuga sketchbook score --json`") from None


def score_sketchbook(
    model: str = SKETCHBOOK,
    *,
    n: int = 256,
    pictures: int = 1000,
    sheet: Path | None = None,
    control_sheet: Path | None = None,
    settings: FilmSettings | None = None,
    store: Path | None = None,
) -> Work[Step, dict[str, float]]:
    """Measure the built-in model, or a folder like it: fidelity of `n` drawings to their captions, distances over `pictures` of them.

    `sheet` is a picture file for the first 64 drawings, eight to a row; `control_sheet` one for controls and what was drawn by them.
    """
    return Work(_score(model, n, pictures, sheet, control_sheet, settings or FilmSettings(), store))


def _score(
    model: str, n: int, pictures: int, sheet: Path | None, control_sheet: Path | None, settings: FilmSettings, store: Path | None
) -> Generator[Step, None, dict[str, float]]:
    from sakuga.evaluation.score import score

    source = find_checkpoint(model)
    bench = Bench(source, store)
    native = source.facts.native_size
    how = settled(FilmSettings(size=(native, native), steps=settings.steps, guidance=settings.guidance, sampler=settings.sampler), source)
    drawn, shown = drawing(bench, how), list[Frame]()

    def draw(captions: Sequence[str]) -> Any:
        made = drawn(captions)
        shown.extend(Frame(picture=picture, spec=given_spec(picture)) for picture in made[: SHOWN - len(shown)])
        return made

    figures = yield from told(score(draw, source.folder, n, pictures))
    if sheet is not None:
        Image.fromarray(contact_sheet(Clip(frames=tuple(shown), rate=Fraction(1)), columns=8, gap=2)).save(sheet, quality=90)
    figures |= yield from score_sizes(bench, how, max(1, n // 4))
    figures |= yield from score_depth_and_control(bench, how, n, control_sheet)
    figures |= yield from score_styles(bench, how, max(1, n // 4))
    figures |= yield from score_few_step(bench, how, n)
    figures |= yield from score_variations(bench, how, n)
    return figures
