"""Execution of one run of a study."""

from collections.abc import Generator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage

from sakuga.files import atomic_path
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.studies.run_folders import CHECKPOINTS, INFERENCE, ROWS, THUMBNAILS, RunFolder, known_runs
from sakuga.studies.runs import FolderSet, GenerationRun, RenderedSet, TrainedStyle, TrainingRun, digest, kind_of
from sakuga.studio import FilmSettings, Step, to_json
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.evaluation.image_set import ImageSet
from sakuga.studio.evaluation.metric_models import MetricModels, load_metric_models
from sakuga.studio.evaluation.reports import json_text, write_text
from sakuga.studio.evaluation.scored_images import generate_prompt_images, read_images, score_images
from sakuga.studio.sketchbook.sets import render_style_set, render_subject_set
from sakuga.studio.training.resolution import TrainSettings
from sakuga.studio.training.train import TrainedRun, train
from sakuga.training.method_settings import DreamBooth, Lora, TextualInversion

STRIP_LENGTH = 8
"""Images of a run's thumbnail strip."""
IMAGE_ROWS = ("prompt", "name")
"""The rows that identify each image: its prompt and its seed."""


def execute_run(run: TrainingRun | GenerationRun, folder: RunFolder, out: Path, model: str) -> Generator[Step, None, None]:
    """Execute a run in its folder.

    The trainings that it requires are finished.

    An interrupted training resumes.
    """
    folder.log(f"started: {kind_of(run)}")
    with folder.timed():
        match run:
            case TrainingRun():
                metrics = yield from _train(run, folder, model)
            case GenerationRun():
                metrics = yield from _generate(run, folder, out, model)
    folder.finish({**_with_n(folder.spent()), **metrics})
    folder.log("finished")


def _train(run: TrainingRun, folder: RunFolder, model: str) -> Generator[Step, None, Mapping[str, Any]]:
    path = folder / "set"
    match run.training_set:
        case FolderSet(path=given):
            path = Path(given)
        case RenderedSet() as rendered_set if not (path / "set.toml").is_file():
            yield from _render_set(rendered_set, path)
    trained = train(train_settings(run, path, folder / CHECKPOINTS, model))
    yield from trained
    return training_metrics(trained.result())


def _render_set(rendered_set: RenderedSet, path: Path) -> Generator[Step, None, None]:
    if rendered_set.subject:
        work = render_subject_set(
            rendered_set.subject,
            path,
            count=rendered_set.count,
            style=rendered_set.look,
            class_images=rendered_set.class_pictures,
            seed=rendered_set.seed,
        )
    else:
        work = render_style_set(
            rendered_set.look,
            path,
            count=rendered_set.count,
            portraits=rendered_set.portraits,
            trigger=rendered_set.trigger,
            seed=rendered_set.seed,
        )
    yield from work


def _generate(run: GenerationRun, folder: RunFolder, out: Path, model: str) -> Generator[Step, None, Mapping[str, Any]]:
    style = _style(run, folder, out, model)
    image_set = yield from generate_prompt_images(
        render_session(model),
        run.prompts,
        range(run.seeds),
        style=style,
        suffix=run.suffix,
        settings=FilmSettings(steps=run.steps),
    )
    _store(image_set, folder)
    return score_run(run, folder, model)


def _style(run: GenerationRun, folder: RunFolder, out: Path, model: str) -> str | None:
    """Return the run's styles as `--style` takes them.

    A naive blend is written as one style.
    """
    styles = ", ".join(f"{style_path(applied, out)}:{applied.weight:g}" for applied in run.applied_styles)
    if not styles or run.blend == "exact":
        return styles or None
    from sakuga.studio.evaluation.naive_blend import naive_blend

    blended = folder / CHECKPOINTS / "naive"
    naive_blend(styles, model, blended)
    return str(blended)


def style_path(applied: TrainedStyle, out: Path) -> str:
    """Return the folder of a trained style."""
    return str(known_runs(out)[digest(applied.training)] / CHECKPOINTS / "style")


@cache
def render_session(model: str) -> RenderSession:
    """Load the base model once per process."""
    return RenderSession(find_checkpoint(model))


@cache
def metric_models(model: str) -> MetricModels:
    """Load the metric models once per process."""
    return load_metric_models(model, None)


def _store(image_set: ImageSet, folder: RunFolder) -> None:
    """Store the images, thumbnails, prompts and names."""
    for number, image in enumerate(image_set.images, 1):
        with atomic_path(folder / INFERENCE / f"{number:04d}.webp") as draft:
            PILImage.fromarray(image).save(draft, "webp", lossless=True)
    thumbnails = [
        np.asarray(PILImage.fromarray(image).resize((96, 96), PILImage.Resampling.LANCZOS)) for image in image_set.images[:STRIP_LENGTH]
    ]
    with atomic_path(folder / THUMBNAILS / "strip.webp") as draft:
        PILImage.fromarray(np.concatenate(thumbnails, axis=1)).save(draft, "webp", quality=85)
    write_text(folder / ROWS, json_text({"prompt": image_set.prompts, "name": image_set.names}))


def score_run(run: GenerationRun, folder: RunFolder, model: str) -> Mapping[str, Any]:
    """Score the stored images of a run.

    Writes the scores of each image and returns the metrics.
    """
    stored = folder.rows()
    image_set = read_images(folder / INFERENCE, stored["prompt"], stored["name"])
    scored = score_images(image_set, metric_models(model), looks=run.looks, subject=run.subject)
    measured = {key: [None if np.isnan(value) else round(float(value), 6) for value in row] for key, row in scored.rows.items()}
    write_text(
        folder / ROWS,
        json_text({"judges": find_checkpoint(model).evaluation_digest, **{key: stored[key] for key in IMAGE_ROWS}, **measured}),
    )
    return to_json(scored.metrics())


def rescore_run(run: GenerationRun, folder: RunFolder, model: str) -> bool:
    """Score a finished run again if outdated.

    That is, if its metric models or its looks changed.

    Return whether it was.
    """
    rows = folder.rows()
    required = {*(f"look.{look}" for look in run.looks), *([f"subject.{run.subject}"] if run.subject else [])}
    if rows.get("judges") == find_checkpoint(model).evaluation_digest and required <= rows.keys():
        return False
    folder.finish({**_with_n(folder.spent()), **score_run(run, folder, model)})
    folder.log("scored again")
    return True


def train_settings(run: TrainingRun, path: Path, out: Path, model: str) -> TrainSettings:
    """Convert a training run to the trainer's settings.

    An interrupted training resumes.
    """
    lora = Lora(rank=run.rank, text_encoder=run.text_encoder)
    class_set = path.with_name(f"{path.name}-class")
    match run.method:
        case "lora":
            method: Lora | TextualInversion | DreamBooth = lora
        case "textual-inversion":
            method = TextualInversion()
        case "dreambooth":
            method = DreamBooth(adapter=lora, class_set=str(class_set) if class_set.is_dir() else "", prior="images")
    return TrainSettings(
        method=method, set=path, out=out, model=model, resume=True, steps=run.steps, batch=run.batch, learning_rate=run.rate, seed=run.seed,
        sample_every=0, prompts=(), validate_every=0, tracker="none", weight_prompts=0,
    )  # fmt: skip


def training_metrics(trained: TrainedRun) -> dict[str, float]:
    """Return the time, memory, size and loss of a training."""
    size = sum(file.stat().st_size for file in trained.style.glob("*.safetensors"))
    metrics = {
        "training_seconds": trained.seconds,
        "peak_memory_mb": trained.peak_memory / 2**20,
        "file_kb": size / 1024,
        "loss": trained.loss,
    }
    return _with_n(metrics)


def _with_n(metrics: Mapping[str, float]) -> dict[str, float]:
    """Add n = 1 to each metric."""
    return {**metrics, **{f"n.{key}": 1 for key in metrics}}
