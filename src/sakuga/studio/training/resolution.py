"""Training settings, and their resolution before a training starts."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any

from sakuga.datasets.training_set import TrainingSet, digest, read_set
from sakuga.export.target import check_folder, check_name
from sakuga.files import read_utf8
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.motion_lookup import find_motion_adapter
from sakuga.story.limits import MAX_COUNT
from sakuga.studio.core.arguments import check_fields
from sakuga.studio.training.open_sets import open_set
from sakuga.text import counted
from sakuga.training.defaults import default_settings, fill_method_defaults, find_preset
from sakuga.training.distributed import check_launch, is_main_process, launched_processes
from sakuga.training.method_settings import DreamBooth, Lora, MethodSettings, MotionLora, Slider, TextualInversion
from sakuga.training.plan import OF_IMAGES, TrainingPlan, TrainingPlanError, options_of, parse_plan, plan_to_dict, read_plan
from sakuga.training.plan_options import parse_numbers
from sakuga.training.resolved import ResolvedTraining
from sakuga.training.run_folder import CONFIG, RunFolder

SAMPLES, CHECKPOINTS, VALIDATIONS = 5, 5, 10
"""Default number of each during a training."""
PROMPTS, WEIGHT_PROMPTS, LEAST_PROMPTS = 4, 24, 4
FEW_IMAGES, GOOD_IMAGES = 20, 50
"""A style with fewer images than the first brings a warning, which recommends the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """A training request.

    None follows the preset, or the default for method and model. The settings from `steps` on have the names, ranges and meanings of
    `TrainingPlan`.
    """

    method: MethodSettings = field(default_factory=lambda: Lora(targets=()))
    set: Path | str
    """A training set, `concepts.toml`, or a folder of images."""
    out: Path | str
    model: str = SKETCHBOOK
    trigger: str | None = None
    """The trigger word of a folder of images; sets have their own."""
    preset: str | None = None
    resume: bool = False
    device: str = "auto"
    epochs: float | None = None
    """How often each image is trained on, in place of steps."""
    steps: int | None = None
    batch: int | None = None
    gradient_accumulation: int | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    warmup: int | None = None
    cycles: int | None = None
    weight_decay: float | None = None
    max_grad_norm: float | None = None
    optimizer: str | None = None
    seed: int | None = None
    size: int | None = None
    buckets: bool | None = None
    extra_sizes: str | None = None
    focus: str | None = None
    flip: bool | None = None
    color_jitter: float | None = None
    caption_dropout: float | None = None
    caption_dropout_every: int | None = None
    shuffle_tags: bool | None = None
    keep_tags: int | None = None
    tag_dropout: float | None = None
    min_snr_gamma: float | None = None
    """0 disables it."""
    debiased: bool | None = None
    loss: str | None = None
    huber_c: float | None = None
    unmasked_weight: float | None = None
    min_timestep: int | None = None
    max_timestep: int | None = None
    timestep_sampling: str | None = None
    noise_offset: float | None = None
    multires_noise: int | None = None
    multires_discount: float | None = None
    ema_decay: float | None = None
    precision: str | None = None
    gradient_checkpointing: bool | None = None
    patience: int | None = None
    validate_every: int | None = None
    checkpoint_every: int | None = None
    keep: int | None = None
    sample_every: int | None = None
    prompts: tuple[str, ...] | None = None
    sample_weights: str | None = None
    weight_prompts: int | None = None
    weight_clip: str | None = None
    log_every: int | None = None
    cache: bool | None = None
    tracker: str | None = None

    def __post_init__(self) -> None:
        """Check the types that no option of a plan checks; raises SettingsError."""
        check_fields(self, *_OWN, "steps", "prompts")


_OWN = ("method", "set", "out", "model", "trigger", "preset", "resume", "device", "epochs")
PLAN_SETTINGS = tuple(setting.name for setting in fields(TrainSettings) if setting.name not in _OWN)
"""Settings that a plan has under the same name."""


def resolve_training(settings: TrainSettings, training_set: TrainingSet | None = None) -> ResolvedTraining:
    """Look up model, sets and run, and resolve every setting.

    The set is read, unless given. Raises InputError for what cannot be trained.
    """
    check_launch()
    check_name(Path(settings.out))
    run = RunFolder(Path(settings.out), is_main_process())
    source = find_checkpoint(settings.model)
    training_set = training_set or open_set(Path(settings.set), settings.trigger)
    previous = read_plan(run.path / CONFIG) if settings.resume and run.exists else None
    plan = resolve_plan(settings, source, training_set, previous)
    warnings = tuple(plan_warnings(plan, training_set))
    _check_available(plan, settings.device)
    if isinstance(plan.method, MotionLora):
        _check_motion(plan, plan.method, source)
    if plan.weight_prompts:
        _check_reader(plan, source)
    if previous:
        run.check_resumable(plan)
    else:
        check_folder(run.path.parent)
        run.check_free()
    second = _second_set(plan.method)
    return ResolvedTraining(
        plan=plan,
        source=source,
        training_set=training_set,
        class_set=read_set(second) if second else None,
        run=run,
        device=settings.device,
        resumed=previous is not None,
        warnings=warnings,
    )


def resolve_plan(
    settings: TrainSettings, source: CheckpointFiles, training_set: TrainingSet, previous: TrainingPlan | None = None
) -> TrainingPlan:
    """Resolve every setting of a plan.

    By the previous plan of a resumed run, the preset, or the defaults. Raises TrainingPlanError for a setting that cannot be trained with.
    """
    method = fill_method_defaults(settings.method, source.info, training_set.trigger)
    if settings.steps is not None and settings.epochs is not None:
        raise TrainingPlanError("both steps and epochs are given: give one of them")
    given: dict[str, Any] = {name: value for name in PLAN_SETTINGS if (value := getattr(settings, name)) is not None}
    if settings.min_snr_gamma and settings.debiased:
        raise TrainingPlanError("both min-SNR gamma and debiased are given, and each weights the loss: give one of them")
    if settings.min_snr_gamma == 0 or settings.debiased:
        given["min_snr_gamma"] = None
    if previous:
        values = plan_to_dict(previous) | given
    else:
        values = _with_counts(_defaults(settings, method, source, training_set) | given, settings, training_set)
        values.setdefault("prompts", _sample_prompts(training_set))
        readable = has_classifier(source) or has_clip(source) or settings.weight_clip
        values.setdefault("weight_prompts", WEIGHT_PROMPTS if isinstance(method, Lora) and readable else 0)
    known = {item.name for item in fields(TrainingPlan)}
    named = {
        "model": source.name,
        "model_digest": source.digest,
        "set": str(training_set.folder),
        "set_digest": _set_digest(method, training_set),
        "processes": launched_processes(),
        "method": asdict(method),
    }
    return parse_plan({key: value for key, value in values.items() if key in known} | named)


def _defaults(settings: TrainSettings, method: MethodSettings, source: CheckpointFiles, training_set: TrainingSet) -> dict[str, Any]:
    preset: Mapping[str, Any] = find_preset(settings.preset).values if settings.preset else {}
    values = {**default_settings(method, source.info), "trigger": training_set.trigger, **preset, **_optimizer_defaults(settings)}
    if "precision" not in values:
        from sakuga.training.speed import default_precision, pick_device

        values["precision"] = default_precision(pick_device(settings.device))
    return values


def has_classifier(source: CheckpointFiles) -> bool:
    """Return whether a model comes with a classifier that reads its images."""
    return (source.folder / "classifier").is_dir()


def has_clip(source: CheckpointFiles) -> bool:
    """Return whether a model comes with an image encoder that shares a space with its text encoder."""
    texts, images = (source.folder / part / "config.json" for part in ("text_encoder", "image_encoder"))
    if not texts.is_file() or not images.is_file():
        return False
    widths = (json.loads(read_utf8(texts)).get("hidden_size"), json.loads(read_utf8(images)).get("projection_dim"))
    return widths[0] is not None and widths[0] == widths[1]


def _check_reader(plan: TrainingPlan, source: CheckpointFiles) -> None:
    """Raise TrainingPlanError where nothing can read a model's images, CheckpointError for a CLIP that cannot be loaded."""
    if not plan.weight_clip and has_classifier(source):
        return
    if not plan.weight_clip and not has_clip(source):
        raise TrainingPlanError(
            f"'{source.name}' has no classifier to read its images by, and no CLIP of its own, so no weight can be chosen: "
            "name a CLIP with --weight-clip, or leave weight prompts at 0"
        )
    if plan.weight_prompts < LEAST_PROMPTS:
        raise TrainingPlanError(f"weight prompts: a CLIP tells prompts apart, so give {LEAST_PROMPTS} or more, or 0")
    if plan.weight_clip:
        from sakuga.models.feature_extractors import load_clip

        load_clip(plan.weight_clip)  # before the training, since it is needed after it


def _optimizer_defaults(settings: TrainSettings) -> dict[str, Any]:
    """Return what an optimizer needs: Prodigy multiplies its own rate, and schedule-free has no schedule."""
    match settings.optimizer:
        case "prodigy":
            return {"learning_rate": 1.0, "warmup": 0}
        case "schedule-free":
            return {"schedule": "constant"}
        case _:
            return {}


def _with_counts(values: dict[str, Any], settings: TrainSettings, training_set: TrainingSet) -> dict[str, Any]:
    """Resolve what is counted in steps."""
    preset_epochs = values.pop("epochs", None)
    epochs = settings.epochs if settings.epochs is not None or settings.steps is not None else preset_epochs
    if epochs is not None:
        if not 0 < epochs <= MAX_COUNT:
            raise TrainingPlanError(f"epochs {epochs:g} is invalid: give more than 0, at most {MAX_COUNT}")
        images_per_step = max(1, values["batch"] * values.get("gradient_accumulation", 1) * launched_processes())
        images = len(training_set.epoch) * (1 + len(parse_numbers(values.get("extra_sizes", ""))))
        values["steps"] = max(1, ceil(epochs * images / images_per_step))
    steps = options_of(TrainingPlan)["steps"].check("steps", values["steps"])
    warmup = values.get("warmup", 0)
    values["warmup"] = round(warmup * steps) if isinstance(warmup, float) and warmup < 1 else warmup
    values.setdefault("checkpoint_every", max(1, steps // CHECKPOINTS))
    values.setdefault("sample_every", max(1, steps // SAMPLES))
    values.setdefault("validate_every", max(1, steps // VALIDATIONS) if training_set.held_out else 0)
    return values


def _set_digest(method: MethodSettings, training_set: TrainingSet) -> str:
    own = digest(training_set)
    second = _second_set(method)
    return hashlib.sha256(f"{own} {digest(read_set(second))}".encode()).hexdigest() if second else own


def _second_set(method: MethodSettings) -> str:
    """Return the folder of class images, or of the other images of pairs; "" for none."""
    match method:
        case DreamBooth(class_set=folder) | Slider(less_set=folder):
            return folder
        case _:
            return ""


def _sample_prompts(training_set: TrainingSet) -> tuple[str, ...]:
    """Return captions for sample images, held-out ones first."""
    captions = list(dict.fromkeys(example.text for example in (*training_set.held_out, *training_set.training) if example.text))
    return tuple(captions[:: max(1, len(captions) // PROMPTS)][:PROMPTS])


def _check_available(plan: TrainingPlan, device: str) -> None:
    """Raise TrainingPlanError for settings that exclude each other, missing libraries, and fp16 on a CPU."""
    if plan.min_timestep >= plan.max_timestep:
        raise TrainingPlanError(f"timesteps {plan.min_timestep} to {plan.max_timestep} are none: end above the first")
    if plan.optimizer == "schedule-free" and plan.ema_decay:
        raise TrainingPlanError("schedule-free averages the weights itself: leave the EMA decay at 0")
    if plan.optimizer == "schedule-free" and plan.schedule != "constant":
        raise TrainingPlanError("schedule-free needs no schedule: leave it at constant")
    lora = plan.method.adapter if isinstance(plan.method, DreamBooth | Slider) else plan.method
    if isinstance(lora, Lora):
        _check_lora(lora, preserved=isinstance(plan.method, DreamBooth))
    if isinstance(plan.method, Slider):
        _check_slider(plan.method)
    if plan.sample_weights and not isinstance(plan.method, Lora | Slider):
        raise TrainingPlanError("sample weights are those of a LoRA or a slider: leave them out")
    if plan.tracker == "wandb" and find_spec("wandb") is None:
        raise TrainingPlanError("Weights & Biases is not installed: `pip install wandb`, or choose --log-with tensorboard or none")
    if plan.optimizer == "adamw8bit" and find_spec("bitsandbytes") is None:
        raise TrainingPlanError("adamw8bit needs bitsandbytes: `pip install bitsandbytes`, or choose adamw")
    if plan.precision == "fp16":
        from sakuga.training.speed import pick_device

        if pick_device(device).type == "cpu":
            raise TrainingPlanError("fp16 needs a GPU; on a CPU it is slow and inexact: train in bf16 or fp32")


def _check_lora(lora: Lora, *, preserved: bool) -> None:
    """Raise TrainingPlanError for settings of a LoRA that exclude each other."""
    if lora.algorithm == "lokr" and (lora.rank_dropout or lora.loraplus_ratio != 1):
        raise TrainingPlanError("LoKr has no ranks to drop and no up matrices: leave rank dropout and the LoRA+ ratio out")
    if lora.factor and lora.algorithm != "lokr":
        raise TrainingPlanError("a factor is LoKr's: choose --algorithm lokr, or leave it out")
    if preserved and lora.preserve:
        raise TrainingPlanError("DreamBooth preserves its class: give --class-prompt in place of preserve")


def _check_motion(plan: TrainingPlan, method: MotionLora, source: CheckpointFiles) -> None:
    """Raise TrainingPlanError for what a MotionLoRA cannot be trained with, CheckpointError for its motion adapter."""
    positions = find_motion_adapter(source, method.motion or None).info.positions
    if method.frames > positions:
        raise TrainingPlanError(f"frames: the motion adapter has positions for {positions}, not {method.frames}: choose 2 to {positions}")
    if plan.flip:
        raise TrainingPlanError("a mirrored clip moves the other way: leave random flip out")
    defaults = {item.name: item.default for item in fields(TrainingPlan)}
    if given := [name.replace("_", " ") for name in OF_IMAGES if getattr(plan, name) != defaults[name]]:
        raise TrainingPlanError(f"a training on clips has no {' and no '.join(given)}: leave that out")


def _check_slider(slider: Slider) -> None:
    """Raise TrainingPlanError for a slider without two ends, and for settings of its LoRA that it cannot have."""
    if slider.less_set and (slider.more or slider.less):
        raise TrainingPlanError("a slider is between two texts or pairs of images: leave --more and --less out, or --less-set")
    if not slider.less_set and (not slider.more or not slider.less or slider.more == slider.less):
        raise TrainingPlanError('a slider needs two different ends: give --more and --less, as "at night" and "at noon", or --less-set')
    if slider.adapter.algorithm != "lora" or slider.adapter.rank_dropout or slider.adapter.preserve:
        raise TrainingPlanError("a slider is a plain LoRA: leave algorithm, rank dropout and preserve out")


def plan_warnings(plan: TrainingPlan, training_set: TrainingSet) -> list[str]:
    """Return warnings on a training that can run.

    Raises TrainingPlanError for early stopping without held-out images.
    """
    warnings: list[str] = []
    count = len(training_set.training)
    if isinstance(plan.method, MotionLora):
        return [] if plan.trigger else ["without a trigger word the motion applies to every prompt, which is usual for a MotionLoRA"]
    if isinstance(plan.method, Lora) and count < FEW_IMAGES:
        warnings.append(f"only {counted(count, 'image')} to train on: use at least {GOOD_IMAGES}; with fewer it may memorise them")
    if plan.flip:
        warnings.append("random flip mirrors images: switch it off for images with writing, or where left and right matter")
    if plan.validate_every and not training_set.held_out:
        warnings.append(f"{training_set.folder} has no held-out images, so there is no validation: split it with `sakuga data split`")
    if plan.patience and not (plan.validate_every and training_set.held_out):
        raise TrainingPlanError("early stopping needs held-out images: split the set with `sakuga data split`, or leave --stop-early out")
    if isinstance(plan.method, DreamBooth) and not (plan.method.class_prompt or plan.method.class_set):
        warnings.append("without --class-prompt there is no prior preservation: others of the subject's class may come to look like it")
    if not plan.trigger and not isinstance(plan.method, TextualInversion | Slider):
        warnings.append(f"{training_set.folder} has no trigger word: the style applies to every prompt")
    return warnings


def lora_method(preset: str | None = None, **given: Any) -> Lora:
    """Return LoRA settings: those given, by the names of `Lora`.

    The others follow the preset, or the default. Raises TrainingPlanError for a name that there is not.
    """
    names = options_of(Lora)
    if unknown := next((name for name in given if name not in names), None):
        raise TrainingPlanError(f"a LoRA has no setting {unknown!r}; settings are {', '.join(names)}")
    base = find_preset(preset).method if preset else Lora(targets=())
    return replace(base, **{name: value for name, value in given.items() if value is not None})
