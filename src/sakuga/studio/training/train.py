"""Train a style, an embedding or a subject."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sakuga import InputError
from sakuga.datasets.training_set import TrainingSet, read_set
from sakuga.story.settings import FilmSettings
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.training.resolution import TrainSettings, resolve_training
from sakuga.studio.training.samples import SampleSheets
from sakuga.text import counted
from sakuga.training.distributed import process_group, wait_for_everyone
from sakuga.training.plan import DreamBooth
from sakuga.training.resolved import ResolvedTraining
from sakuga.training.run_folder import RunFolder

if TYPE_CHECKING:
    from sakuga.training.loop import Training


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgress(Step):
    """A step of a training.

    In the stage "training" with its losses.
    """

    loss: float | None = None
    learning_rate: float | None = None
    validation_loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedRun:
    """A finished run with its style and metrics."""

    run: Path
    style: Path
    steps: int
    loss: float
    """The mean over the last steps."""
    validation_loss: float | None
    seconds: float
    """Of the steps alone."""
    peak_memory: int
    """Bytes, of the process; on a GPU, of the device."""
    notes: tuple[str, ...] = ()


@checked()
def train(settings: TrainSettings) -> Work[TrainingProgress, TrainedRun]:
    """Train into a run folder.

    Closing the work saves, and `resume` continues bit for bit. Raises InputError at once for what cannot be trained; the work raises
    SakugaError where the training cannot continue.
    """
    return Work(_train(resolve_training(settings)))


def _train(resolved: ResolvedTraining) -> Generator[TrainingProgress, None, TrainedRun]:
    plan, run = resolved.plan, resolved.run
    with process_group(resolved.device) as device, run.held():
        if resolved.resumed:
            if result := run.result():
                yield TrainingProgress(stage="training", done=plan.steps, total=plan.steps, note=f"{run.path} is finished already")
                return _trained_run(run, result)
        else:
            run.check_free()
            run.create(plan)
            wait_for_everyone()
        try:
            return (yield from _run(resolved, device))
        except InputError:
            run.discard_empty()
            raise


def _run(resolved: ResolvedTraining, device: str) -> Generator[TrainingProgress, None, TrainedRun]:
    plan, run = resolved.plan, resolved.run
    yield from _notes(run, resolved.warnings)
    class_set = yield from _class_images(resolved)
    training = yield from _prepare(resolved, class_set, device)
    samples = SampleSheets(training, resolved.source, plan.prompts if plan.sample_every and run.is_main else ())
    try:
        samples.generate_base()
        yield from _notes(run, [*(training.resume() if resolved.resumed else []), *training.open_tracker()])
        return (yield from _train_steps(resolved, training, samples))
    finally:
        training.method.close()


def _notes(run: RunFolder, notes: "tuple[str, ...] | list[str]") -> Generator[TrainingProgress, None, None]:
    for note in notes:
        run.log(note)
        yield TrainingProgress(stage="loading", note=note)


def _class_images(resolved: ResolvedTraining) -> Generator[TrainingProgress, None, TrainingSet | None]:
    """Return the class images for prior preservation.

    The base model generates them where none are given.
    """
    from sakuga.studio.sets.distilling import distill_set

    plan, run, method = resolved.plan, resolved.run, resolved.plan.method
    if resolved.class_set or not isinstance(method, DreamBooth) or not method.class_prompt:
        return resolved.class_set
    folder = run.path / "class"
    if run.is_main and not folder.exists():
        settings = FilmSettings(model=plan.model, size=(plan.size, plan.size))
        for step in distill_set([method.class_prompt], folder, count=method.class_images, seed=plan.seed, settings=settings):
            yield TrainingProgress(stage=step.stage, done=step.done, total=step.total, note=step.note)
    wait_for_everyone()
    return read_set(folder)


def _prepare(resolved: ResolvedTraining, class_set: TrainingSet | None, device: str) -> "Generator[TrainingProgress, None, Training]":
    from sakuga.training.setup import prepare_training

    yield TrainingProgress(stage="loading", note=f"loading {resolved.source.name}")
    preparing = Work(prepare_training(resolved, class_set, device))
    for progress in preparing:
        yield TrainingProgress(stage="encoding", done=progress.done, total=progress.total, note=progress.note)
    return preparing.result()


def _train_steps(resolved: ResolvedTraining, training: "Training", samples: SampleSheets) -> Generator[TrainingProgress, None, TrainedRun]:
    from sakuga.training.finishing import write_results
    from sakuga.training.loop import run_training

    plan, run, notes = resolved.plan, resolved.run, list(resolved.warnings)
    run.log(f"training {plan.method.kind} for {plan.steps} steps on {counted(len(resolved.training_set.training), 'image')}")
    for step in run_training(training):
        yield TrainingProgress(
            stage="training",
            done=step.number,
            total=step.total,
            note="; ".join(step.notes),
            loss=step.loss,
            learning_rate=step.learning_rate,
            validation_loss=step.validation_loss,
        )
        if plan.sample_every and step.number % plan.sample_every == 0:
            samples.write(step.number)
    if plan.patience and training.restore_best():
        notes.append(f"the style is that of step {training.steps}, with the best validation loss")
        run.log(notes[-1])
    wait_for_everyone()
    sheet = samples.write(training.steps)
    return _trained_run(run, write_results(training, resolved.training_set, sheet, notes))


def _trained_run(run: RunFolder, result: dict[str, Any]) -> TrainedRun:
    return TrainedRun(**{**result, "run": run.path, "style": run.path / result["style"], "notes": tuple(result["notes"])})
