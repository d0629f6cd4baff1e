"""Default settings by method and model, and presets."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sakuga.models.checkpoint_files import CheckpointInfo
from sakuga.training.method_settings import DreamBooth, Lora, MethodSettings, MotionLora, Slider, TextualInversion
from sakuga.training.plan import TrainingPlanError

SMALL = 256
"""Native size in pixels up to which models train in larger batches at a higher learning rate."""
GIVEN = 0.5
"""Share of clips whose first frame is given, beside adapters that are trained so (Chen et al. 2024)."""
LARGE = 1024
"""Native size in pixels from which models train with gradient checkpointing."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A LoRA recipe: its method, and the settings it fixes."""

    method: Lora
    values: Mapping[str, Any]


def _preset(method: Lora, **values: Any) -> Preset:
    return Preset(method, MappingProxyType({"caption_dropout": 0.0, "min_snr_gamma": None, "learning_rate": 1e-4, **values}))


_ATTENTION = Lora(targets=("attention",))
PRESETS: dict[str, Preset] = {
    "sd15": _preset(
        replace(_ATTENTION, rank=4), steps=3000, batch=1, gradient_accumulation=4, schedule="cosine", seed=1337, precision="bf16", size=512,
        buckets=False, flip=True, checkpoint_every=500,
    ),
    "portraits": _preset(
        replace(_ATTENTION, rank=16), steps=1500, batch=1, schedule="constant", gradient_checkpointing=True,
    ),
    "sd21": _preset(replace(_ATTENTION, rank=4), epochs=5, batch=16, schedule="constant", size=768),
    "sd21-long": _preset(replace(_ATTENTION, rank=4), epochs=30, batch=16, schedule="constant", size=768),
    "sdxl": _preset(
        replace(_ATTENTION, rank=4), steps=500, batch=1, gradient_accumulation=4, schedule="constant", size=1024,
        gradient_checkpointing=True,
    ),
    "restarts": _preset(
        replace(_ATTENTION, rank=32, alpha=16.0, text_encoder=True), steps=2000, batch=1, schedule="cosine-restarts", cycles=3, warmup=100,
        min_snr_gamma=5.0,
    ),
}  # fmt: skip
"""LoRA recipes in common use, named by what they were made for."""


def find_preset(name: str) -> Preset:
    """Return a preset by name.

    Raises TrainingPlanError with those that exist.
    """
    if name not in PRESETS:
        raise TrainingPlanError(f"unknown preset {name!r}; presets are {', '.join(PRESETS)}")
    return PRESETS[name]


def fill_method_defaults(method: MethodSettings, info: CheckpointInfo, trigger: str) -> MethodSettings:
    """Resolve the settings that a method leaves open.

    Default targets are the attention layers, on small models the convolutions too, which hold their looks. Small models preserve
    predictions (measured in docs/proofs.md). The word of an embedding is the set's trigger word.

    Raises TrainingPlanError where there is none.
    """
    match method:
        case Lora(targets=()):
            return replace(method, targets=("attention", "convolutions") if info.native_size <= SMALL else ("attention",))
        case TextualInversion(word=""):
            if not trigger:
                raise TrainingPlanError("there is no word to train: the set has no trigger word, so give --word")
            return replace(method, word=trigger)
        case MotionLora(given=None, motion=motion):
            return replace(method, given=0.0 if motion else GIVEN)
        case Slider(adapter=adapter):
            lora = fill_method_defaults(adapter, info, trigger)
            assert isinstance(lora, Lora)
            return replace(method, adapter=lora)
        case DreamBooth(adapter=None, name=TextualInversion()):
            raise TrainingPlanError(
                "a fully trained UNet is written as a model, without embeddings: train a LoRA, or leave --initial and --vectors off"
            )
        case DreamBooth(prior=None):
            return fill_method_defaults(replace(method, prior="predictions" if info.native_size <= SMALL else "images"), info, trigger)
        case DreamBooth(name=TextualInversion(word="")) if not trigger:
            raise TrainingPlanError("there is no name to train: the set has no trigger word, so build it with --trigger")
        case DreamBooth(adapter=Lora() as adapter, name=name):
            lora, embedding = fill_method_defaults(adapter, info, trigger), name and fill_method_defaults(name, info, trigger)
            assert isinstance(lora, Lora)
            assert isinstance(embedding, TextualInversion | None)
            return replace(method, adapter=lora, name=embedding)
        case _:
            return method


def default_settings(method: MethodSettings, info: CheckpointInfo) -> dict[str, Any]:
    """Return the default settings of a plan.

    `warmup` is a share of the steps here. Those of a motion on small models are the ones that learnt a camera move (docs/train.md).
    """
    small = info.native_size <= SMALL
    values: dict[str, Any] = {
        "size": info.native_size, "batch": 8 if small else 1, "gradient_accumulation": 1 if small else 4,
        "gradient_checkpointing": info.native_size >= LARGE,
    }  # fmt: skip
    match method:
        case Lora():
            return {**values, "steps": 500 if small else 1500, "learning_rate": 1e-3 if small else 1e-4, "warmup": 0.05}
        case TextualInversion():
            inversion = {"caption_dropout": 0.0, "min_snr_gamma": None, "weight_decay": 0.0, "schedule": "cosine" if small else "constant"}
            return {**values, **inversion, "steps": 200 if small else 3000, "learning_rate": 1e-3 if small else 2e-3}
        case Slider():
            slider = {"caption_dropout": 0.0, "min_snr_gamma": None, "gradient_accumulation": 1, "validate_every": 0}
            return {**values, **slider, "steps": 200 if small else 500, "learning_rate": 5e-4 if small else 2e-4}
        case MotionLora():
            motion = {"batch": 1, "gradient_accumulation": 1, "gradient_checkpointing": False, "caption_dropout": 0.0, "validate_every": 0}
            measured = {"learning_rate": 3e-3, "min_snr_gamma": None, "min_timestep": 150} if small else {"learning_rate": 1e-4}
            return {**values, **motion, **measured, "steps": 200 if small else 600, "warmup": 0.05}
        case DreamBooth(adapter=None):
            return {**values, **_subject(small), "learning_rate": 1e-4 if small else 5e-6}
        case DreamBooth():
            return {**values, **_subject(small), "learning_rate": 5e-4 if small else 1e-4}


def _subject(small: bool) -> dict[str, Any]:
    """Return what DreamBooth's defaults have in common."""
    return {"steps": 300 if small else 800, "caption_dropout": 0.0, "gradient_accumulation": 1}
