"""A training, written down: everything that decides what is learnt, as plain data that is checked once."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config

from sakuga import InputError
from sakuga.timeline.spec import Digest, Precision
from sakuga.training.schedule import Schedule

Count = Annotated[int, Field(ge=1)]
Amount = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Optimizer = Literal["adamw", "adamw8bit"]
Prior = Literal["pictures", "answers"]

STRICT = ConfigDict(extra="forbid", strict=True)


class PlanError(InputError, ValueError):
    """A training that cannot be run as it was asked for; the sentence says what is wrong, and what would do."""


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """Learn thin matrices beside the layers of the UNet (Hu et al. 2022), and of the text encoder if asked for."""

    kind: Literal["lora"] = "lora"
    rank: Count = 8
    alpha: Positive | None = None
    """The matrices count alpha / rank; the rank unless said."""
    targets: tuple[str, ...] = ("attention",)
    """attention, feed-forward, convolutions, or how names of layers end."""
    text_encoder: bool = False


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class TextualInversion:
    """Learn what one word means (Gal et al. 2023); everything else stays as it is."""

    kind: Literal["textual-inversion"] = "textual-inversion"
    word: str = ""
    """What prompts will say; the set's trigger unless said."""
    initial: str = ""
    """Words to begin from: what the pictures show, in general."""
    vectors: Count = 1
    """How many tokens the word takes."""


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class DreamBooth:
    """Learn one subject, and keep what else its class is by learning that too (Ruiz et al. 2023)."""

    kind: Literal["dreambooth"] = "dreambooth"
    adapter: Lora | None = Lora()
    """None to change the whole UNet."""
    name: TextualInversion | None = None
    """Learns, beside the LoRA, what the subject's name means (Kumari et al. 2023); None leaves it to what the model reads in it."""
    instance_prompt: str = ""
    """What every picture of the subject is told by, such as "a zk balloon"; their own captions unless said."""
    class_prompt: str = ""
    """The class in words, such as "a balloon"; "" keeps nothing."""
    class_set: str = ""
    """A training set of pictures of the class; drawn by the model where there is none."""
    class_pictures: Count = 50
    """How many are drawn."""
    prior: Prior | None = None
    """What is held, the usual unless said: what the class's pictures show (Ruiz et al. 2023), or the model's answers about them before
    (Li and Hoiem 2018)."""
    prior_weight: NotNegative = 1.0


Method = Annotated[Lora | TextualInversion | DreamBooth, Field(discriminator="kind")]
OPERATION = (
    "log_every",
    "checkpoint_every",
    "keep",
    "sample_every",
    "prompts",
    "validate_every",
    "tracker",
    "cache",
    "set",
    "model",
)
"""What may differ when a run is resumed: it decides nothing that is learnt. Set and model are held against their digests."""


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A training with every choice made."""

    method: Method
    model: str
    model_digest: Digest
    set: str
    set_digest: Digest
    trigger: str
    size: Count
    """The side of the square whose area the buckets keep, in pixels."""
    buckets: bool = True
    """Whether pictures keep about their shape; else each is cut to a square."""
    steps: Count
    batch: Count
    accumulation: Count = 1
    """Batches a step."""
    rate: Positive
    schedule: Schedule = "cosine"
    warmup: Amount = 0
    cycles: Count = 1
    decay: NotNegative = 0.01
    clip: Positive = 1.0
    """The greatest length of the gradient."""
    processes: Count = 1
    """That learn together, each from its own batches."""
    optimizer: Optimizer = "adamw"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    flip: bool = False
    caption_dropout: Share = 0.1
    min_snr: Positive | None = 5.0
    noise_offset: NotNegative = 0.0
    average: Share = 0.0
    """How much of the averaged weights each step keeps (EMA); 0 is no average."""
    precision: Precision = "fp32"
    gradient_checkpointing: bool = False
    patience: Amount = 0
    """Validations without a better loss until the training stops early; 0 never."""
    validate_every: Amount = 0
    checkpoint_every: Count = 100
    keep: Count = 2
    """Checkpoints kept, the best one not counted."""
    sample_every: Amount = 0
    prompts: tuple[str, ...] = ()
    log_every: Count = 10
    cache: bool = True
    tracker: Literal["tensorboard", "wandb", "none"] = "tensorboard"


ADAPTER: TypeAdapter[Plan] = TypeAdapter(Plan)
CHOICES = {"literal_error", "greater_than", "greater_than_equal", "less_than", "less_than_equal"}


def planned(said: dict[str, Any], place: str = "this training") -> Plan:
    """Check a training's values, which are those of a JSON object; raises PlanError with the key and what it may be."""
    try:
        return ADAPTER.validate_json(json.dumps(said))
    except ValidationError as caught:
        error = caught.errors()[0]
        key = ".".join(str(part) for part in error["loc"] if part not in ("lora", "textual-inversion", "dreambooth"))
        called = key.removeprefix("method.").replace("adapter.", "").replace("name.", "").replace("_", " ")
        if error["type"] == "missing":
            raise PlanError(f"{place}: {called} is missing") from None
        if error["type"] == "extra_forbidden":
            raise PlanError(f"{place}: no {called} is known here") from None
        raise PlanError(f"{place}: {called} {error['input']!r} will not do: {_lower(error['msg'])}") from None


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def to_values(plan: Plan) -> dict[str, Any]:
    """Write a plan as the values of a JSON object."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(plan)))
    return values


def read_plan(file: Path) -> Plan:
    """Read a run's `config.json`; raises PlanError."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PlanError(f"{file} cannot be read ({error}): begin another run") from None
    return planned({key: value for key, value in values.items() if key != "versions"}, str(file))


def differences(first: Plan, second: Plan) -> dict[str, tuple[Any, Any]]:
    """Tell by key in what two plans would learn differently; of a method its own keys, where it is the same method."""
    ours, theirs = _flat(to_values(first)), _flat(to_values(second))
    if ours["kind"] != theirs["kind"]:
        return {"method": (ours["kind"], theirs["kind"])}
    keys = [key for key in {**ours, **theirs} if key not in OPERATION]
    return {key: (ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)}


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """Put the keys of a method, and of its parts, among those of the plan."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value) | flat if isinstance(value, dict) else {key: value}
    return flat
