"""Teach a model a style, a word or a subject."""

import hashlib
from collections.abc import Generator
from dataclasses import asdict, dataclass, field, fields, replace
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sakuga import InputError
from sakuga.datasets.training_set import TrainingSet, digest, read_set
from sakuga.models.checkpoint_files import SKETCHBOOK, Source
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.story.film import FilmSettings
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.studio.training.samples import Samples
from sakuga.text import counted
from sakuga.training.defaults import filled, find_preset, usual
from sakuga.training.distributed import joined, leads, processes, wait_for_all
from sakuga.training.plan import DreamBooth, Lora, Method, Plan, PlanError, TextualInversion, planned, read_plan, to_values
from sakuga.training.run_folder import CONFIG, RunFolder

if TYPE_CHECKING:
    from sakuga.training.loop import Training

SAID = ("steps", "batch", "accumulation", "rate", "schedule", "warmup", "cycles", "decay", "clip", "optimizer", "seed", "size", "buckets",
        "flip", "caption_dropout", "min_snr", "noise_offset", "average", "precision", "gradient_checkpointing", "patience",
        "validate_every", "checkpoint_every", "keep", "sample_every", "prompts", "log_every", "cache", "tracker")  # fmt: skip
"""What settings say of a plan by the same name."""
SAMPLES, CHECKPOINTS, VALIDATIONS = 5, 5, 10
"""How many of each a training has, unless said."""
PROMPTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """A training as it is asked for; what is None follows the preset, or is usual for the method and the model."""

    method: Method = field(default_factory=lambda: Lora(targets=()))
    set: Path | str
    out: Path | str
    model: str = SKETCHBOOK
    preset: str | None = None
    resume: bool = False
    device: str = "auto"
    steps: int | None = None
    epochs: float | None = None
    """How often each picture is seen, in place of steps."""
    batch: int | None = None
    accumulation: int | None = None
    rate: float | None = None
    schedule: str | None = None
    warmup: int | None = None
    """Steps."""
    cycles: int | None = None
    decay: float | None = None
    clip: float | None = None
    optimizer: str | None = None
    seed: int | None = None
    size: int | None = None
    buckets: bool | None = None
    flip: bool | None = None
    caption_dropout: float | None = None
    min_snr: float | None = None
    """0 is off."""
    noise_offset: float | None = None
    average: float | None = None
    precision: str | None = None
    gradient_checkpointing: bool | None = None
    patience: int | None = None
    validate_every: int | None = None
    checkpoint_every: int | None = None
    keep: int | None = None
    sample_every: int | None = None
    prompts: tuple[str, ...] | None = None
    log_every: int | None = None
    cache: bool | None = None
    tracker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStep(Step):
    """One thing done; of the stage "training" with the loss, and the loss on the pictures held out where it was measured."""

    loss: float | None = None
    rate: float | None = None
    validation_loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedRun:
    """A finished run: its folder, the style in it, and what it took."""

    run: Path
    style: Path
    steps: int
    loss: float
    """The mean over the last steps."""
    validation_loss: float | None
    seconds: float
    """Of the steps alone."""
    peak_memory: int
    """Bytes, of the whole process; on a GPU, of the device."""
    notes: tuple[str, ...] = ()


def train(settings: TrainSettings) -> Work[TrainingStep, TrainedRun]:
    """Train by settings into a run folder; closing the work saves, and `resume` goes on from there as if it had never stopped.

    Raises InputError, with one sentence, where something cannot be done as it was asked; SakugaError where the training cannot go on.
    """
    return Work(_train(settings))


def _train(settings: TrainSettings) -> Generator[TrainingStep, None, TrainedRun]:
    with joined(settings.device) as device:
        return (yield from _trained(replace(settings, device=device)))


def _trained(settings: TrainSettings) -> Generator[TrainingStep, None, TrainedRun]:
    run = RunFolder(Path(settings.out), leads())
    source, taught = find_checkpoint(settings.model), read_set(settings.set)
    kept = read_plan(run.path / CONFIG) if settings.resume and run.begun else None
    plan = settled_plan(settings, source, taught, kept)
    notes = doubts(plan, taught)
    if kept:
        plan = run.taken_up(plan)
        if result := run.result():
            yield TrainingStep(stage="training", done=plan.steps, total=plan.steps, note=f"{run.path} is finished already")
            return _told(run, result)
    else:
        run.begin(plan)
        wait_for_all()
    try:
        return (yield from _learnt(plan, source, taught, run, notes, settings.device, resumed=kept is not None))
    except InputError:
        run.withdraw()
        raise


def _learnt(
    plan: Plan, source: Source, taught: TrainingSet, run: RunFolder, notes: list[str], device: str, *, resumed: bool
) -> Generator[TrainingStep, None, TrainedRun]:
    for note in notes:
        run.say(note)
        yield TrainingStep(stage="loading", note=note)
    prior = yield from _prior(plan, run)
    training = yield from _begun(plan, source, taught, prior, run, device)
    samples = Samples(training, source, plan.prompts if plan.sample_every and run.leads else ())
    try:
        samples.begin()
        for note in [*(training.resume() if resumed else []), *training.track()]:
            run.say(note)
            yield TrainingStep(stage="loading", note=note)
        return (yield from _run(plan, taught, training, samples, run, notes))
    finally:
        training.learner.close()


def _prior(plan: Plan, run: RunFolder) -> Generator[TrainingStep, None, TrainingSet | None]:
    """Return the pictures of a subject's class, drawn by the model itself where none are given."""
    from sakuga.studio.sets.distilling import distill_set

    method = plan.method
    if not isinstance(method, DreamBooth) or not (method.class_set or method.class_prompt):
        return None
    if method.class_set:
        return read_set(method.class_set)
    folder = run.path / "class"
    if run.leads and not folder.exists():
        how = FilmSettings(model=plan.model, size=(plan.size, plan.size))
        for step in distill_set([method.class_prompt], folder, count=method.class_pictures, seed=plan.seed, settings=how):
            yield TrainingStep(stage=step.stage, done=step.done, total=step.total, note=step.note)
    wait_for_all()
    return read_set(folder)


def _begun(
    plan: Plan, source: Source, taught: TrainingSet, prior: TrainingSet | None, run: RunFolder, device: str
) -> "Generator[TrainingStep, None, Training]":
    from sakuga.training.setup import begin, pick_device

    yield TrainingStep(stage="loading", note=f"opening {source.name}")
    beginning = Work(begin(plan, source, taught, prior, run, pick_device(device)))
    for encoded in beginning:
        yield TrainingStep(stage="encoding", done=encoded.done, total=encoded.total, note=encoded.note)
    return beginning.result()


def _run(
    plan: Plan, taught: TrainingSet, training: "Training", samples: Samples, run: RunFolder, notes: list[str]
) -> Generator[TrainingStep, None, TrainedRun]:
    from sakuga.training.finishing import finish
    from sakuga.training.loop import run_training

    run.say(f"training {plan.method.kind} for {plan.steps} steps on {counted(len(taught.training), 'picture')}")
    for step in run_training(training):
        yield TrainingStep(
            stage="training", done=step.number, total=step.total, note="; ".join(step.notes), loss=step.loss, rate=step.rate,
            validation_loss=step.validation,
        )  # fmt: skip
        if plan.sample_every and step.number % plan.sample_every == 0:
            samples.draw(step.number)
    if plan.patience and training.go_back_to_best():
        notes = [*notes, f"the style is that of step {training.steps}, with the best loss on the pictures held out"]
        run.say(notes[-1])
    wait_for_all()
    sheet = samples.draw(training.steps)
    result = finish(plan, training, taught, run, sheet, notes)
    return _told(run, result)


def _told(run: RunFolder, result: dict[str, Any]) -> TrainedRun:
    return TrainedRun(**{**result, "run": run.path, "style": run.path / result["style"], "notes": tuple(result["notes"])})


def lora_method(
    preset: str | None = None,
    *,
    rank: int | None = None,
    alpha: float | None = None,
    targets: tuple[str, ...] | None = None,
    text_encoder: bool | None = None,
) -> Lora:
    """Say how a LoRA is learnt: what is None is as in the preset, or usual."""
    said: dict[str, Any] = {"rank": rank, "alpha": alpha, "targets": targets, "text_encoder": text_encoder}
    begun = find_preset(preset).method if preset else Lora(targets=())
    return replace(begun, **{name: value for name, value in said.items() if value is not None})


def settled_plan(settings: TrainSettings, source: Source, taught: TrainingSet, kept: Plan | None = None) -> Plan:
    """Fill in everything that settings leave open: as in the run that is gone on with, by the preset, or as is usual.

    Raises PlanError for what no training can be run by.
    """
    method = filled(settings.method, source.facts, taught.trigger)
    preset = find_preset(settings.preset) if settings.preset else None
    if kept:
        values = to_values(kept)
    else:
        values = {**usual(method, source.facts), "trigger": taught.trigger, **(preset.values if preset else {})}
        values.setdefault("precision", _precision(settings.device))
    said: dict[str, Any] = {name: getattr(settings, name) for name in SAID if getattr(settings, name) is not None}
    if settings.min_snr == 0:
        said["min_snr"] = None
    if settings.steps is not None and settings.epochs is not None:
        raise PlanError("steps and epochs both say how long to train: give one")
    values |= said
    if not kept:
        values = _timed(values, settings, taught)
        values.setdefault("prompts", _prompts(taught))
    known = {item.name for item in fields(Plan)}
    named = {
        "model": source.name,
        "model_digest": source.digest,
        "set": str(taught.folder),
        "set_digest": _digest(method, taught),
        "processes": processes(),
    }
    return planned({**{key: value for key, value in values.items() if key in known}, **named, "method": asdict(method)}, "this training")


def _timed(values: dict[str, Any], settings: TrainSettings, taught: TrainingSet) -> dict[str, Any]:
    """Settle what is counted in steps."""
    epochs = settings.epochs if settings.epochs is not None else None if settings.steps is not None else values.pop("epochs", None)
    if epochs is not None:
        if not epochs > 0:
            raise PlanError(f"epochs {epochs:g} trains nothing: give more than 0")
        a_step = max(1, values["batch"] * values.get("accumulation", 1) * processes())
        values["steps"] = max(1, ceil(epochs * len(taught.epoch) / a_step))
    steps = values["steps"]
    shared = values.get("warmup", 0)
    values["warmup"] = round(shared * steps) if isinstance(shared, float) and shared < 1 else shared
    values.setdefault("checkpoint_every", max(1, steps // CHECKPOINTS))
    values.setdefault("sample_every", max(1, steps // SAMPLES))
    values.setdefault("validate_every", max(1, steps // VALIDATIONS) if taught.held_out else 0)
    return values


def _digest(method: Method, taught: TrainingSet) -> str:
    own = digest(taught)
    if isinstance(method, DreamBooth) and method.class_set:
        return hashlib.sha256(f"{own} {digest(read_set(method.class_set))}".encode()).hexdigest()
    return own


def _precision(device: str) -> str:
    from sakuga.training.setup import pick_device, usual_precision

    return usual_precision(pick_device(device))


def _prompts(taught: TrainingSet) -> tuple[str, ...]:
    """Choose captions to draw by, those held out first."""
    captions = list(dict.fromkeys(example.text for example in (*taught.held_out, *taught.training) if example.text))
    return tuple(captions[:: max(1, len(captions) // PROMPTS)][:PROMPTS])


def doubts(plan: Plan, taught: TrainingSet) -> list[str]:
    """Say what may go wrong with a training that can be run."""
    found: list[str] = []
    count = len(taught.training)
    if count == 1:
        found.append("one picture is learnt by heart, not its style: bring 20 or more")
    if plan.flip:
        found.append("pictures are mirrored at random: leave that off where there is writing, or a side matters")
    if plan.validate_every and not taught.held_out:
        found.append(f"{taught.folder} holds nothing out, so nothing is validated: `sakuga data split` it")
    if plan.patience and not (plan.validate_every and taught.held_out):
        raise PlanError("to stop early needs pictures held out: `sakuga data split` the set, or leave patience off")
    if isinstance(plan.method, DreamBooth) and not (plan.method.class_prompt or plan.method.class_set):
        found.append("nothing keeps what else the subject's class is: name it with --class-prompt")
    if not plan.trigger and not isinstance(plan.method, TextualInversion):
        found.append(f"{taught.folder} has no trigger word: what is learnt is worn by every prompt")
    return found
