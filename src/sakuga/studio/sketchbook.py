"""The built-in model: train it, put it together, score it."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

from sakuga import InputError
from sakuga.export import contact_sheet
from sakuga.models.sources import SKETCHBOOK, find_checkpoint
from sakuga.story.film import FilmSettings
from sakuga.studio.drawing import Bench
from sakuga.studio.layout import score_depth_and_control
from sakuga.studio.pictures import drawn_spec
from sakuga.studio.progress import Step
from sakuga.studio.scoring import score_few_step, score_styles
from sakuga.studio.settings import settled
from sakuga.studio.variation_score import score_variations
from sakuga.studio.work import Work
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import digest

if TYPE_CHECKING:
    from sakuga.training.sketchbook.recipe import Stage

STAGES = ("vae", "clip", "classifier", "latents", "unet", "upscaler", "depth", "controlnet", "styles", "lcm")
"""In the order in which they stand on each other."""
SHOWN = 64
"""Pictures of a scoring's sheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStep:
    """A step of one stage: samples seen, of how many, and the parts of the loss as tensors."""

    stage: str
    seen: int
    samples: int
    losses: dict[str, Any]


def train_sketchbook(
    stage: str,
    work: Path,
    *,
    device: str = "auto",
    minutes: float | None = None,
    samples: int | None = None,
    pictures: int | None = None,
    processes: int = 1,
    start: str | None = None,
    resume: bool = False,
) -> Work[TrainingStep, Path]:
    """Train one stage, or "all" in order; what is finished lies in `weights` below the work folder.

    `minutes` stops each stage, the schedule counts samples. `start` is a folder of weights to go on from with a fresh optimizer, or
    "shipped". Returns the folder of finished weights. Raises InputError for an unknown stage.
    """
    if stage not in (*STAGES, "all"):
        raise InputError(f"no stage {stage!r}: there are {', '.join(STAGES)} and all")
    options = {"work": work, "device": device, "processes": processes, "resume": resume, "samples": samples, "pictures": pictures}
    return Work(_train(STAGES if stage == "all" else (stage,), options, minutes, start))


def _train(stages: Sequence[str], given: dict[str, Any], minutes: float | None, start: str | None) -> Generator[TrainingStep, None, Path]:
    from sakuga.training.sketchbook.export import shipped
    from sakuga.training.sketchbook.loop import Pace
    from sakuga.training.sketchbook.recipe import Options, train

    begin = None if start is None else shipped() if start == "shipped" else Path(start)
    for stage in stages:
        options = Options(**given, start=None if stage == "latents" else begin)
        for step in train(cast("Stage", stage), options, Pace(minutes=minutes) if minutes else Pace()):
            yield TrainingStep(stage=stage, seen=step.seen, samples=step.samples, losses=step.losses)
    return cast(Path, given["work"]) / "weights"


def export_sketchbook(work: Path, out: Path | None = None) -> list[str]:
    """Put the finished networks of a work folder together as a checkpoint: the package's own, unless `out` names a folder."""
    from sakuga.training.sketchbook.export import shipped, write_folder

    try:
        return write_folder(work / "weights", out or shipped())
    except FileNotFoundError as error:
        raise InputError(str(error)) from None


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
    shown: list[Frame] = []
    drawn = 0

    def draw(captions: Sequence[str]) -> Any:
        """Draw with the seeds 0, 1, 2, ... in the order of the captions."""
        nonlocal drawn
        specs = {digest(spec): spec for place, text in enumerate(captions) for spec in [drawn_spec(text, drawn + place, how, source)]}
        drawn += len(captions)
        drawing = Work(bench.draw(specs, specs)).result()
        made = list(bench.develop(drawing, specs, lambda _, picture: picture))
        shown.extend(Frame(picture=picture, spec=spec) for picture, spec in zip(made, specs.values(), strict=True) if len(shown) < SHOWN)
        return np.stack(made)

    scoring = Work(score(draw, source.folder, n, pictures))
    for progress in scoring:
        yield Step(stage="drawing" if progress.doing == "drawing" else "finishing", done=progress.done, total=progress.total)
    if sheet is not None:
        Image.fromarray(contact_sheet(Clip(frames=tuple(shown[:SHOWN]), rate=Fraction(1)), columns=8, gap=2)).save(sheet, quality=90)
    figures = scoring.result()
    figures |= yield from score_depth_and_control(bench, how, n, control_sheet)
    figures |= yield from score_styles(bench, how, max(1, n // 4))
    figures |= yield from score_few_step(bench, how, n)
    figures |= yield from score_variations(bench, how, n)
    return figures
