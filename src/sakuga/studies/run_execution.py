"""Perform one run: teach a style, or draw and judge pictures."""

from collections.abc import Generator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studies.folders import CHECKPOINTS, INFERENCE, ROWS, THUMBNAILS, RunFolder, known_runs
from sakuga.studies.values import Folder, Lesson, Teach, Trial, Wear, digest
from sakuga.studio import FilmSettings, Step, to_json
from sakuga.studio.core.render_session import Bench
from sakuga.studio.evaluation.blends import naive_blend
from sakuga.studio.evaluation.gallery import Gallery
from sakuga.studio.evaluation.judges import Judges, call_judges
from sakuga.studio.evaluation.reports import said_as_json, write_text
from sakuga.studio.evaluation.trials import draw_out, judge, read_out
from sakuga.studio.sketchbook.sets import draw_style_set, draw_subject_set
from sakuga.studio.training.train import TrainedRun, TrainSettings, train
from sakuga.training.plan import DreamBooth, Lora, TextualInversion

SHOWN = 8
"""Pictures of a run's strip."""
TOLD = ("prompt", "name")
"""Rows that tell of each picture what it was to show, and by which seed."""


def perform(run: Teach | Trial, folder: RunFolder, out: Path, model: str) -> Generator[Step, None, None]:
    """Do a run into its folder; what it needs is finished. A training that was begun goes on where it stopped."""
    folder.say(f"begun: {type(run).__name__.lower()}")
    with folder.timed():
        match run:
            case Teach():
                figures = yield from _teach(run, folder, model)
            case Trial():
                figures = yield from _try(run, folder, out, model)
    folder.finish({**_counted(folder.spent()), **figures})
    folder.say("finished")


def _teach(run: Teach, folder: RunFolder, model: str) -> Generator[Step, None, Mapping[str, Any]]:
    place = folder / "set"
    match run.source:
        case Folder(path=path):
            place = Path(path)
        case Lesson() as lesson if not (place / "set.toml").is_file():
            yield from _draw_set(lesson, place)
    trained = train(settings_of(run, place, folder / CHECKPOINTS, model))
    yield from trained
    return taught_figures(trained.result())


def _draw_set(lesson: Lesson, place: Path) -> Generator[Step, None, None]:
    if lesson.subject:
        work = draw_subject_set(
            lesson.subject, place, count=lesson.count, style=lesson.look, class_pictures=lesson.class_pictures, seed=lesson.seed
        )
    else:
        work = draw_style_set(lesson.look, place, count=lesson.count, portraits=lesson.portraits, trigger=lesson.trigger, seed=lesson.seed)
    yield from work


def _try(run: Trial, folder: RunFolder, out: Path, model: str) -> Generator[Step, None, Mapping[str, Any]]:
    style = _style(run, folder, out, model)
    gallery = yield from draw_out(
        bench(model),
        run.prompts,
        range(run.seeds),
        style=style,
        suffix=run.suffix,
        settings=FilmSettings(steps=run.steps),
    )
    _keep(gallery, folder)
    return judge_run(run, folder, model)


def _style(run: Trial, folder: RunFolder, out: Path, model: str) -> str | None:
    """Return what is worn as the settings of a film say it; a naive blend is a file of its own."""
    asked = ", ".join(f"{place_of(wear, out)}:{wear.weight:g}" for wear in run.wears)
    if not asked or run.blend == "exact":
        return asked or None
    blended = folder / CHECKPOINTS / "naive"
    naive_blend(asked, model, blended)
    return str(blended)


def place_of(wear: Wear, out: Path) -> str:
    """Return where a style lies: in the folder of its training."""
    return str(known_runs(out)[digest(wear.taught)] / CHECKPOINTS / "style")


@cache
def bench(model: str) -> Bench:
    """Open the networks that draw once in a process."""
    return Bench(find_checkpoint(model))


@cache
def judges(model: str) -> Judges:
    """Open the judges once in a process."""
    return call_judges(model, None)


def _keep(gallery: Gallery, folder: RunFolder) -> None:
    """Write the pictures without loss, a strip of the first of them small, and what each was to show."""
    for part in (INFERENCE, THUMBNAILS):
        (folder / part).mkdir(exist_ok=True)
    for number, picture in enumerate(gallery.pictures, 1):
        Image.fromarray(picture).save(folder / INFERENCE / f"{number:04d}.webp", lossless=True)
    shown = [np.asarray(Image.fromarray(picture).resize((96, 96), Image.Resampling.LANCZOS)) for picture in gallery.pictures[:SHOWN]]
    Image.fromarray(np.concatenate(shown, axis=1)).save(folder / THUMBNAILS / "strip.webp", quality=85)
    write_text(folder / ROWS, said_as_json({"prompt": gallery.prompts, "name": gallery.names}))


def judge_run(run: Trial, folder: RunFolder, model: str) -> Mapping[str, Any]:
    """Measure the pictures of a trial as they lie there; write all that was measured of each, and by whom. Returns the figures."""
    told = folder.rows()
    gallery = read_out(folder / INFERENCE, told["prompt"], told["name"])
    judged = judge(gallery, judges(model), looks=run.looks, subject=run.subject)
    measured = {key: [None if np.isnan(value) else round(float(value), 6) for value in row] for key, row in judged.rows.items()}
    write_text(folder / ROWS, said_as_json({"judges": find_checkpoint(model).judges, **{key: told[key] for key in TOLD}, **measured}))
    return to_json(judged.outcomes())


def judge_again(run: Trial, folder: RunFolder, model: str) -> bool:
    """Measure a finished trial again if others judged it, or not by all that is asked now; tell whether that was so."""
    rows = folder.rows()
    wanted = {*(f"look.{look}" for look in run.looks), *([f"subject.{run.subject}"] if run.subject else [])}
    if rows.get("judges") == find_checkpoint(model).judges and wanted <= rows.keys():
        return False
    folder.finish({**_counted(folder.spent()), **judge_run(run, folder, model)})
    folder.say("judged again")
    return True


def settings_of(run: Teach, place: Path, out: Path, model: str) -> TrainSettings:
    """Say a training as the trainer takes it; it goes on where it was begun."""
    lora = Lora(rank=run.rank, text_encoder=run.text_encoder)
    beside = place.with_name(f"{place.name}-class")
    match run.method:
        case "lora":
            method: Lora | TextualInversion | DreamBooth = lora
        case "textual-inversion":
            method = TextualInversion()
        case "dreambooth":
            method = DreamBooth(adapter=lora, class_set=str(beside) if beside.is_dir() else "", prior="pictures")
    return TrainSettings(
        method=method, set=place, out=out, model=model, resume=True, steps=run.steps, batch=run.batch, rate=run.rate, seed=run.seed,
        sample_every=0, prompts=(), validate_every=0, tracker="none",
    )  # fmt: skip


def taught_figures(trained: TrainedRun) -> dict[str, float]:
    """Return what a training took; each is of one training."""
    size = sum(file.stat().st_size for file in trained.style.glob("*.safetensors"))
    figures = {
        "training_seconds": trained.seconds,
        "peak_memory_mb": trained.peak_memory / 2**20,
        "file_kb": size / 1024,
        "loss": trained.loss,
    }
    return _counted(figures)


def _counted(figures: Mapping[str, float]) -> dict[str, float]:
    """Say of each figure that it is of one run."""
    return {**figures, **{f"n.{key}": 1 for key in figures}}
