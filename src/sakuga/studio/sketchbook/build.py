"""The built-in model: train, export, score."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from PIL import Image as PILImage

from sakuga import InputError
from sakuga.export import contact_sheet
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.paths import local_path
from sakuga.rendering.store import given_spec
from sakuga.story.settings import FilmSettings
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.output import check_image, check_store
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import ResolvedSettings, resolve_settings
from sakuga.studio.core.work import Work
from sakuga.studio.sketchbook.depth_score import score_depth_and_control
from sakuga.studio.sketchbook.scoring import image_generator, progress_steps, score_few_step, score_sizes, score_styles
from sakuga.studio.sketchbook.variation_score import score_variations
from sakuga.timeline.clip import Clip, Frame
from sakuga.training.sketchbook.options import STAGES, Stage, TrainingOptions

if TYPE_CHECKING:
    from sakuga.training.sketchbook.loop import StageStep

Table = TypeVar("Table")
SHOWN = 64
"""Images of a score's sheet."""


@checked()
def train_sketchbook(stage: str, options: TrainingOptions) -> "Work[StageStep, Path]":
    """Train one stage, or "all" in order.

    Finished networks are in `weights` below the work folder. Closing the work saves and stops it, with all its workers. Returns the folder
    of finished weights. Raises InputError for an unknown stage, and for numbers that cannot be trained with.
    """
    if stage not in (*STAGES, "all"):
        raise InputError(f"unknown stage {stage!r}; stages are {', '.join(STAGES)} and all")
    for name in ("processes", "workers", "threads", "samples", "batch", "images"):
        count = getattr(options, name)
        if count is not None and count < 1:
            raise InputError(f"{name}: {count} is out of range; choose 1 or more")
    if options.rate is not None and not 0 < options.rate < inf:
        raise InputError(f"rate: {options.rate} is out of range; choose a number above 0")
    return Work(_train(STAGES if stage == "all" else (cast(Stage, stage),), options))


def parse_start(text: str) -> Path:
    """Read where a training starts.

    "shipped", or a folder of finished weights. Raises InputError without one.
    """
    folder = find_checkpoint().folder if text == "shipped" else local_path(text)
    if not folder.is_dir():
        raise InputError(f"there is no folder {text} of weights to start from: give one, or shipped")
    return folder


def _train(stages: Sequence[Stage], options: TrainingOptions) -> "Generator[StageStep, None, Path]":
    from sakuga.training.sketchbook.recipe import train

    for stage in stages:
        with closing(train(stage, options)) as steps:
            yield from steps
    return options.work / "weights"


@checked()
def export_sketchbook(work: Path, out: Path | None = None) -> list[str]:
    """Write finished networks as a checkpoint.

    By default into the package. Returns their names.
    """
    from sakuga.training.sketchbook.export import package_weights, write_checkpoint

    try:
        return write_checkpoint(work / "weights", out or package_weights())
    except FileNotFoundError as error:
        raise InputError(str(error)) from None


@checked()
def write_sketchbook_card(folder: Path | None = None, *, metrics: Path | None = None, work: Path | None = None) -> Path:
    """Write the card of a checkpoint folder.

    By default the package's; from its `score.json` and `training.json`. `metrics` is a file with the output of `sakuga sketchbook score
    --json`, which replaces that score; the runs of a `work` folder replace trainings of the same name. Returns the card's path. Raises
    InputError where a file has no metrics.
    """
    from sakuga.training.sketchbook.card import CARD, METRICS, TRAINING, write_card
    from sakuga.training.sketchbook.run_summary import read_runs

    folder = folder or find_checkpoint().folder
    training = _read_table(folder / TRAINING, dict[str, dict[str, float]])
    training |= read_runs(work / "runs") if work else {}
    write_card(folder, _read_table(metrics or folder / METRICS, dict[str, float]), training)
    return folder / CARD


def _read_table(path: Path, kind: type[Table]) -> Table:
    """Read a table of metrics; raises InputError."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_json(path.read_bytes(), strict=True)
    except (OSError, ValidationError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"{error.errors()[0]['msg']}"
        raise InputError(f"{path} has no metrics ({reason}): write it with `sakuga sketchbook score --json`") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """What a score measures, and where its sheets go.

    `n` images for fidelity, `images` for distances.
    """

    model: str = SKETCHBOOK
    n: int = 256
    images: int = 1000
    sheet: Path | None = None
    control_sheet: Path | None = None
    settings: FilmSettings = field(default_factory=FilmSettings)
    store: Path | None = None


@checked()
def score_sketchbook(
    model: str = SKETCHBOOK,
    *,
    n: int = 256,
    images: int = 1000,
    sheet: Path | None = None,
    control_sheet: Path | None = None,
    settings: FilmSettings | None = None,
    store: Path | None = None,
) -> Work[Step, dict[str, float]]:
    """Measure the built-in model, or a folder like it.

    Prompt fidelity over `n` images, distances over `images`. `sheet` is an image file for the first 64 images, eight to a row;
    `control_sheet` one for control images and their results.
    """
    request = ScoreRequest(
        model=model, n=n, images=images, sheet=sheet, control_sheet=control_sheet, settings=settings or FilmSettings(), store=store
    )  # fmt: skip
    for image in filter(None, (sheet, control_sheet)):
        check_image(image)
    check_store(store)
    session = RenderSession(find_checkpoint(model), store)
    native = session.files.info.native_size
    own = request.settings
    square = FilmSettings(size=(native, native), steps=own.steps, guidance=own.guidance, sampler=own.sampler)
    return Work(_score(request, session, resolve_settings(square, session.files)))


def _score(request: ScoreRequest, session: RenderSession, settings: ResolvedSettings) -> Generator[Step, None, dict[str, float]]:
    from sakuga.evaluation.score import score

    n, shown = request.n, list[Frame]()
    generate = image_generator(session, settings)

    def generate_and_show(captions: Sequence[str]) -> Any:
        images = generate(captions)
        shown.extend(Frame(image=image, spec=given_spec(image)) for image in images[: SHOWN - len(shown)])
        return images

    metrics = yield from progress_steps(score(generate_and_show, session.files.folder, n, request.images))
    if request.sheet is not None:
        sheet = contact_sheet(Clip(frames=tuple(shown), rate=Fraction(1)), columns=8, gap=2)
        PILImage.fromarray(sheet).save(request.sheet, quality=90)
    metrics |= yield from score_sizes(session, settings, max(1, n // 4))
    metrics |= yield from score_depth_and_control(session, settings, n, request.control_sheet)
    metrics |= yield from score_styles(session, settings, max(1, n // 4))
    metrics |= yield from score_few_step(session, settings, n)
    metrics |= yield from score_variations(session, settings, n)
    return metrics
