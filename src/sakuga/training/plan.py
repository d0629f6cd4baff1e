"""Training plans.

All settings of a run, each declared once with range, default and help.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints

from sakuga import InputError
from sakuga.datasets.buckets import Focus
from sakuga.files import read_utf8
from sakuga.story.limits import MAX_BATCH, MAX_CLASS_IMAGES, MAX_COUNT, MAX_PROCESSES, MAX_SEED, MAX_SIZE
from sakuga.story.options import Choice, Number, Option, Text
from sakuga.story.settings import Precision
from sakuga.training.method_settings import DreamBooth, Lora, MethodSettings, MotionLora, Slider, TextualInversion
from sakuga.training.plan_options import Amount, Count, Listed, Switch, Words
from sakuga.training.schedule import Schedule

Optimizer = Literal["adamw", "adamw8bit", "prodigy", "schedule-free"]
Loss = Literal["l2", "huber", "smooth-l1"]
TimestepSampling = Literal["uniform", "logit-normal", "high-noise", "low-noise"]
Tracker = Literal["tensorboard", "wandb", "none"]
MAX_TIMESTEP = 1000
"""Timesteps of a noise schedule."""
Settings = TypeVar("Settings")
OPERATION = (
    "log_every", "checkpoint_every", "keep", "sample_every", "prompts", "validate_every", "tracker", "cache", "set", "model",
    "weight_prompts", "weight_clip", "sample_weights",
)  # fmt: skip
"""Settings that may change on resume, as they do not affect the weights; set and model are compared by digest."""
OF_IMAGES = (
    "flip", "extra_sizes", "focus", "color_jitter", "unmasked_weight", "gradient_checkpointing", "validate_every", "patience",
    "weight_prompts", "weight_clip", "sample_weights",
)  # fmt: skip
"""Settings that a training on clips has not."""


class TrainingPlanError(InputError, ValueError):
    """A training that cannot run with these settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """A training with every setting resolved.

    A run keeps it as `config.json`.
    """

    method: MethodSettings
    model: Annotated[str, Text(help="Name of the base model")]
    model_digest: Annotated[str, Text(help="Sha256 of the base model")]
    set: Annotated[str, Text(help="Folder of the training set")]
    set_digest: Annotated[str, Text(help="Sha256 of the sets")]
    trigger: Annotated[str, Text(help="Trigger word")]
    processes: Annotated[int, Count(help="Processes that train together, each on its own batches", most=MAX_PROCESSES)] = 1
    size: Annotated[
        int,
        Count(
            help="Resolution: side in pixels of a square with the area of the buckets",
            default_help="the model's native size",
            most=MAX_SIZE,
        ),
    ]
    buckets: Annotated[bool, Switch(help="Aspect ratio buckets; off crops every image to a square", default=True)] = True
    extra_sizes: Annotated[
        str,
        Listed(
            help="Further resolutions with commas; each image is trained on at all of them", default_help="none", least=8, most=MAX_SIZE
        ),
    ] = ""
    focus: Annotated[
        Focus,
        Choice(
            help="What crops follow: the largest face, else the finest detail, or the centre", choices=get_args(Focus), default="centre"
        ),
    ] = "centre"
    steps: Annotated[int, Count(help="Optimizer steps", default_help="for a LoRA 500, on large models 1500")]
    batch: Annotated[int, Count(help="Batch size", default_help="8, on large models 1", most=MAX_BATCH)]
    gradient_accumulation: Annotated[
        int, Count(help="Gradient accumulation: batches for each optimizer step", default_help="1, on large models 4")
    ] = 1
    learning_rate: Annotated[float, Amount(help="Peak learning rate", default_help="for a LoRA 1e-3, on large models 1e-4", above=True)]
    schedule: Annotated[
        Schedule,
        Choice(
            help="Learning rate schedule",
            choices=get_args(Schedule),
            default_help="cosine; constant for textual inversion on large models",
        ),
    ] = "cosine"
    warmup: Annotated[
        int, Amount(help="Learning rate warmup in steps", default_help="5% of the steps for a LoRA, else 0", most=MAX_COUNT, whole=True)
    ] = 0
    cycles: Annotated[int, Count(help="Cycles of the cosine-restarts schedule", default=1)] = 1
    weight_decay: Annotated[float, Amount(help="Weight decay", default_help="0.01; 0 for textual inversion")] = 0.01
    max_grad_norm: Annotated[float, Amount(help="Maximum gradient norm", default=1.0, above=True)] = 1.0
    optimizer: Annotated[
        Optimizer,
        Choice(
            help="Optimizer; adamw8bit needs bitsandbytes, prodigy finds its rate, schedule-free needs no schedule",
            choices=get_args(Optimizer),
            default="adamw",
        ),
    ] = "adamw"
    seed: Annotated[int, Number(help="Seed of the whole training", default=0, least=0, most=MAX_SEED, whole=True)] = 0
    flip: Annotated[bool, Switch(help="Random horizontal flip", default=False)] = False
    color_jitter: Annotated[
        float,
        Amount(
            help="Color jitter: brightness, contrast and saturation change by up to this share at each use; needs encoding at each use",
            default=0.0,
            most=0.9,
        ),
    ] = 0.0
    caption_dropout: Annotated[
        float,
        Amount(help="Caption dropout: share of captions replaced by an empty one", default_help="0.1 for a LoRA, else 0", most=1),
    ] = 0.1
    caption_dropout_every: Annotated[
        int, Amount(help="Every so many epochs all captions are empty; 0 never", default=0, most=MAX_COUNT, whole=True)
    ] = 0
    shuffle_tags: Annotated[bool, Switch(help="Shuffle the tags of a caption (its parts between commas) at every use", default=False)] = (
        False
    )
    keep_tags: Annotated[int, Amount(help="First tags that are neither shuffled nor dropped", default=0, most=MAX_COUNT, whole=True)] = 0
    tag_dropout: Annotated[float, Amount(help="Tag dropout: share of tags that are left out at each use", default=0.0, most=1)] = 0.0
    min_snr_gamma: Annotated[
        float | None,
        Amount(
            help="Min-SNR gamma of the loss weights; 0 disables it",
            default_help="5; off for textual inversion, for motion on small models, and with debiased",
        ),
    ] = 5.0
    debiased: Annotated[bool, Switch(help="Debiased loss weights, in place of min-SNR", default=False)] = False
    """Yu et al. 2023."""
    loss: Annotated[
        Loss, Choice(help="Loss of an error: squared, or less for large ones (pseudo-Huber)", choices=get_args(Loss), default="l2")
    ] = "l2"
    """Khrapov et al. 2024."""
    huber_c: Annotated[float, Amount(help="Error from which the huber and smooth-l1 losses grow slower", default=0.1, above=True)] = 0.1
    unmasked_weight: Annotated[float, Amount(help="Loss weight outside the masks, of a set with masks", default=0.1, most=1)] = 0.1
    min_timestep: Annotated[
        int,
        Amount(
            help="First timestep that is trained on", default=0, default_help="0; 150 for motion on small models", most=MAX_TIMESTEP - 1,
            whole=True,
        ),
    ] = 0  # fmt: skip
    max_timestep: Annotated[
        int, Count(help="Timestep at which training ends; the whole schedule has 1000", default=MAX_TIMESTEP, most=MAX_TIMESTEP)
    ] = MAX_TIMESTEP
    timestep_sampling: Annotated[
        TimestepSampling,
        Choice(
            help="Distribution of timesteps: high-noise trains composition more, low-noise detail",
            choices=get_args(TimestepSampling),
            default="uniform",
        ),
    ] = "uniform"
    noise_offset: Annotated[float, Amount(help="Noise offset, for darker and brighter images", default=0.0)] = 0.0
    multires_noise: Annotated[
        int, Amount(help="Levels of multi-resolution (pyramid) noise; 0 disables it", default=0, most=16, whole=True)
    ] = 0
    multires_discount: Annotated[float, Amount(help="Strength of each level of multires noise, of that before", default=0.3, most=1)] = 0.3
    ema_decay: Annotated[float, Amount(help="EMA decay of averaged weights; 0 disables it", default=0.0, most=1)] = 0.0
    precision: Annotated[
        Precision, Choice(help="Mixed precision", choices=get_args(Precision), default_help="bf16 where it is fast, else fp32")
    ] = "fp32"
    gradient_checkpointing: Annotated[
        bool, Switch(help="Gradient checkpointing: less memory, more time", default_help="on for models from 1024 px")
    ] = False
    patience: Annotated[
        int,
        Amount(
            help="Stop after this many validations without a better loss, and take the best; 0 disables it",
            default=0,
            most=MAX_COUNT,
            whole=True,
        ),
    ] = 0
    validate_every: Annotated[
        int,
        Amount(
            help="Steps between validations on held-out images; 0 disables them",
            default_help="a tenth of the steps",
            most=MAX_COUNT,
            whole=True,
        ),
    ] = 0
    checkpoint_every: Annotated[int, Count(help="Steps between checkpoints", default_help="a fifth of the steps")] = 100
    keep: Annotated[int, Count(help="Checkpoints kept, besides the best", default=2)] = 2
    sample_every: Annotated[
        int, Amount(help="Steps between sample images; 0 disables them", default_help="a fifth of the steps", most=MAX_COUNT, whole=True)
    ] = 0
    prompts: Annotated[tuple[str, ...], Words(help="Prompt of a sample image; repeatable", default_help="captions of the set")] = ()
    sample_weights: Annotated[
        str,
        Listed(
            help="Weights with commas at which a LoRA's sample images are generated, too, on a sheet of their own",
            default_help="none",
            least=-10,
            most=10,
        ),
    ] = ""
    weight_prompts: Annotated[
        int,
        Amount(
            help="Prompts that a LoRA's weight is chosen on at the end; 0 leaves it at 1",
            default_help="24 where the model can read its own images, else 0",
            most=MAX_CLASS_IMAGES,
            whole=True,
        ),
    ] = 0
    weight_clip: Annotated[
        str,
        Text(
            help="CLIP that reads a model's images to choose a LoRA's weight: folder, or owner/name of the hub",
            default_help="the model's classifier, else its own CLIP",
        ),
    ] = ""
    log_every: Annotated[int, Count(help="Steps between lines of metrics", default=10)] = 10
    cache: Annotated[bool, Switch(help="Keep latents and text embeddings in memory; affects the time only", default=True)] = True
    tracker: Annotated[
        Tracker, Choice(help="Where curves are logged besides metrics.jsonl", choices=get_args(Tracker), default="tensorboard")
    ] = "tensorboard"


METHODS: dict[str, type[Lora | TextualInversion | DreamBooth | Slider | MotionLora]] = {
    "lora": Lora, "textual-inversion": TextualInversion, "dreambooth": DreamBooth, "slider": Slider, "motion-lora": MotionLora,
}  # fmt: skip
RENAMED = {
    "rate": "learning_rate", "accumulation": "gradient_accumulation", "decay": "weight_decay", "clip": "max_grad_norm",
    "min_snr": "min_snr_gamma", "average": "ema_decay",
}  # fmt: skip
"""Older keys of `config.json`."""
PARTS: dict[str, type[Lora | TextualInversion]] = {"adapter": Lora, "name": TextualInversion}
"""Methods within DreamBooth and sliders."""


@cache
def options_of(kind: type) -> Mapping[str, Option]:
    """Return the options that a dataclass declares.

    By field name.
    """
    hints = get_type_hints(kind, include_extras=True)
    return {
        item.name: option for item in fields(kind) for option in getattr(hints[item.name], "__metadata__", ()) if isinstance(option, Option)
    }


def parse_plan(values: Mapping[str, Any], file: Path | None = None) -> TrainingPlan:
    """Validate the values of a plan.

    Raises TrainingPlanError naming the setting and its range.
    """
    try:
        return _parse(TrainingPlan, values)
    except ValueError as error:
        raise TrainingPlanError(f"{file}: {error}" if file else str(error)) from None


def _parse(kind: type[Settings], values: Mapping[str, Any]) -> Settings:
    options, hints = options_of(kind), get_type_hints(kind)  # type: ignore[arg-type]
    declared = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    if unknown := next((name for name in values if name not in declared), None):
        raise ValueError(f"unknown setting {_name(unknown)}; settings are {', '.join(map(_name, declared))}")
    if missing := next((name for name, item in declared.items() if item.default is MISSING and name not in values), None):
        raise ValueError(f"{_name(missing)} is missing")
    parsed = {name: _parse_value(name, value, options.get(name), hints[name]) for name, value in values.items()}
    return kind(**parsed)


def _parse_value(name: str, value: Any, option: Option | None, hint: Any) -> Any:
    if value is None and type(None) in get_args(hint):
        return None
    if option:
        try:
            return option.read(value)
        except ValueError as error:
            raise ValueError(f"{_name(name)}: {error}") from None
    if name == "kind":
        return value
    kind = PARTS.get(name) or METHODS.get(value.get("kind"))
    if kind is None:
        raise ValueError(f"unknown method {value.get('kind')!r}; methods are {', '.join(METHODS)}")
    return _parse(kind, value)


def _name(key: str) -> str:
    return key.replace("_", " ")


def plan_to_dict(plan: TrainingPlan) -> dict[str, Any]:
    """Return a plan as the values of a JSON object."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(plan)))
    return values


def read_plan(file: Path) -> TrainingPlan:
    """Read a run's `config.json`; raises TrainingPlanError."""
    try:
        values = json.loads(read_utf8(file))
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingPlanError(f"{file} cannot be read ({error}): start another run") from None
    return parse_plan({RENAMED.get(key, key): value for key, value in values.items() if key != "versions"}, file)


def plan_differences(first: TrainingPlan, second: TrainingPlan) -> dict[str, tuple[Any, Any]]:
    """Return the settings in which two plans train differently.

    The keys of a method are compared one by one where both plans have the same method.
    """
    ours, theirs = _flat(plan_to_dict(first)), _flat(plan_to_dict(second))
    if ours["kind"] != theirs["kind"]:
        return {"method": (ours["kind"], theirs["kind"])}
    keys = [key for key in {**ours, **theirs} if key not in OPERATION]
    return {key: (ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)}


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """Merge the keys of a method into those of the plan."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value) | flat if isinstance(value, dict) else {key: value}
    return flat
