"""Train a style, an embedding or a subject."""

from collections.abc import Generator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sakuga import InputError
from sakuga.datasets.captions import remove_trigger
from sakuga.datasets.training_set import TrainingSet, read_set
from sakuga.story.settings import FilmSettings
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.training.open_sets import (
    SET,
    ImageFolder,
    clip_set,
    find_folder,
    is_image_folder,
    is_training_set,
    make_set,
    provisional_set,
)
from sakuga.studio.training.resolution import WEIGHT_PROMPTS, TrainSettings, resolve_training
from sakuga.studio.training.samples import SampleSheets
from sakuga.text import counted
from sakuga.training.advice import advice
from sakuga.training.distributed import launched_processes, process_group, wait_for_everyone
from sakuga.training.method_settings import DreamBooth, Lora, MotionLora
from sakuga.training.resolved import ResolvedTraining
from sakuga.training.run_folder import RunFolder

if TYPE_CHECKING:
    from sakuga.studio.training.weight_choice import WeightChoice
    from sakuga.training.loop import Training, TrainingStep


WORSE = 0.02
"""How much worse, relatively, the last validation loss must be than the best to be told."""
PRESERVED_IMAGES = 64
"""Images that the base model generates at most, to keep its predictions."""


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
    weight: float = 1.0
    """The weight that the style is applied with by default."""


@checked()
def train(settings: TrainSettings) -> Work[TrainingProgress, TrainedRun]:
    """Train into a run folder.

    A folder of images is first made a training set, in the run's folder `set`; a MotionLoRA takes a folder of clips. Closing the work
    saves, and `resume` continues bit for bit. Raises InputError at once for what cannot be trained; the work raises SakugaError where the
    training cannot continue.
    """
    source, run = Path(settings.set), Path(settings.out)
    if isinstance(settings.method, MotionLora):
        return Work(_train(resolve_training(settings, clip_set(source, settings.trigger))))
    if not is_image_folder(source):
        return Work(_train(resolve_training(settings)))
    if settings.resume and is_training_set(run / SET):
        return Work(_train(resolve_training(replace(settings, set=run / SET, trigger=None))))
    if launched_processes() > 1:
        raise InputError(f"{source} is a folder of images: make it a set with `sakuga data build` before several processes train on it")
    folder = find_folder(source, run, settings.trigger)
    return Work(_train_folder(settings, folder, resolve_training(settings, provisional_set(folder))))


def _train_folder(settings: TrainSettings, folder: ImageFolder, planned: ResolvedTraining) -> Generator[TrainingProgress, None, TrainedRun]:
    with planned.run.held():
        for step in make_set(folder, settings.model, planned.plan.size):
            yield TrainingProgress(stage=step.stage, done=step.done, total=step.total, note=step.note)
    resolved = resolve_training(replace(settings, set=folder.out, trigger=None))
    if told := advice(resolved.plan, len(resolved.training_set.training)):
        yield TrainingProgress(stage="loading", note=told)
    return (yield from _train(resolved))


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
    plan, run = resolved.plan, resolved.run
    prompts, count = _class_prompts(resolved)
    if resolved.class_set or not prompts:
        return resolved.class_set
    from sakuga.studio.sets.distilling import distill_set

    folder = run.path / "class"
    if run.is_main and not folder.exists():
        settings = FilmSettings(model=plan.model, size=(plan.size, plan.size))
        for step in distill_set(prompts, folder, count=count, seed=plan.seed, settings=settings):
            yield TrainingProgress(stage=step.stage, done=step.done, total=step.total, note=step.note)
    wait_for_everyone()
    return read_set(folder)


def _class_prompts(resolved: ResolvedTraining) -> tuple[list[str], int]:
    """Return prompts of images for prior preservation, and how many.

    The class prompt, or the captions without the trigger word; general ones where nothing is left of these.
    """
    match resolved.plan.method:
        case DreamBooth(class_prompt=prompt, class_images=count) if prompt:
            return [prompt], count
        case Lora(preserve=weight) if weight:
            training_set = resolved.training_set
            plain = [remove_trigger(example.text, training_set.trigger) for example in training_set.training]
            count = min(PRESERVED_IMAGES, len(training_set.training))
            return list(dict.fromkeys(filter(None, plain))) or _general_prompts(resolved.source.name, count), count
        case _:
            return [], 0


def _general_prompts(model: str, count: int) -> list[str]:
    """Return prompts that no weight is chosen on, if there are enough."""
    from sakuga.studio.evaluation.style_comparison import default_prompts

    return default_prompts(model, WEIGHT_PROMPTS + count)[WEIGHT_PROMPTS:] or default_prompts(model, count)


def _prepare(resolved: ResolvedTraining, class_set: TrainingSet | None, device: str) -> "Generator[TrainingProgress, None, Training]":
    from sakuga.training.setup import prepare_training

    yield TrainingProgress(stage="loading", note=f"loading {resolved.source.name}")
    preparing = Work(prepare_training(resolved, class_set, device))
    for progress in preparing:
        yield TrainingProgress(stage="encoding", done=progress.done, total=progress.total, note=progress.note)
    return preparing.result()


def _train_steps(resolved: ResolvedTraining, training: "Training", samples: SampleSheets) -> Generator[TrainingProgress, None, TrainedRun]:
    from sakuga.training.estimate import CORRECTED_AFTER
    from sakuga.training.finishing import Outcome, write_results
    from sakuga.training.loop import run_training

    plan, run, notes = resolved.plan, resolved.run, list(resolved.warnings)
    kind = "clip" if isinstance(plan.method, MotionLora) else "image"
    run.log(f"training {plan.method.kind} for {plan.steps} steps on {counted(len(resolved.training_set.training), kind)}")
    yield from _notes(run, _estimated(training))
    started = training.steps
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
        if step.number == started + CORRECTED_AFTER < step.total:
            yield from _notes(run, [f"{_measured(training, step)}, as measured over {CORRECTED_AFTER} steps"])
        if plan.sample_every and step.number % plan.sample_every == 0:
            samples.write(step.number)
    notes += _best_step(training)
    wait_for_everyone()
    sheet = samples.write(training.steps)
    choice = yield from _choose_weight(resolved, training)
    if choice:
        notes.append(choice.text())
        yield from _notes(run, notes[-1:])
    outcome = Outcome(
        sheet=sheet, notes=tuple(notes), weight=choice.weight if choice else 1.0, evidence=choice.values() if choice else {}
    )  # fmt: skip
    return _trained_run(run, write_results(training, resolved.training_set, outcome))


def _estimated(training: "Training") -> list[str]:
    """Return what the training will take, unless it is nearly done."""
    from sakuga.training.estimate import CORRECTED_AFTER, estimate

    left = training.plan.steps - training.steps
    if left <= CORRECTED_AFTER or not training.run.is_main:
        return []
    return [f"about {estimate(training.method, training.plan).text(left)}; corrected after {CORRECTED_AFTER} steps"]


def _measured(training: "Training", step: "TrainingStep") -> str:
    from sakuga.training.estimate import measured

    return measured(training.seconds / step.number, training.method.checkpoint.device).text(step.total - step.number)


def _best_step(training: "Training") -> list[str]:
    """Take the best step with early stopping; else say where the validation loss was better than at the end."""
    plan, last, best = training.plan, training.run.last_metric("validation_loss"), training.best
    if plan.patience and training.restore_best():
        note = f"the style is that of step {training.steps}, with the best validation loss"
        training.run.log(note)
        return [note]
    if last is None or last <= best * (1 + WORSE):
        return []
    step = training.run.step_of("validation_loss", best)
    note = (
        f"the validation loss was best at step {step} ({best:.4f}; {last:.4f} at the end): train for {step} steps, or with --stop-early 3"
    )
    training.run.log(note)
    return [note]


def _choose_weight(resolved: ResolvedTraining, training: "Training") -> "Generator[TrainingProgress, None, WeightChoice | None]":
    """Choose the weight of a LoRA, where the plan has prompts for it."""
    from sakuga.studio.training.weight_choice import choose_weight
    from sakuga.training.lora import LoraMethod

    plan, method = resolved.plan, training.method
    if not plan.weight_prompts or not isinstance(method, LoraMethod) or not resolved.run.is_main:
        return None
    with training.state.averaged():
        choosing = Work(
            choose_weight(method, resolved.source, resolved.training_set, plan.weight_prompts, resolved.run.samples, plan.weight_clip)
        )
        for step in choosing:
            yield TrainingProgress(stage=step.stage, done=step.done, total=step.total)
        return choosing.result()


def _trained_run(run: RunFolder, result: dict[str, Any]) -> TrainedRun:
    known = {item.name for item in fields(TrainedRun)}
    result = {key: value for key, value in result.items() if key in known}
    return TrainedRun(**{**result, "run": run.path, "style": run.path / result["style"], "notes": tuple(result["notes"])})
