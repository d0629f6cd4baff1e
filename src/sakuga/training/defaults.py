"""What a training does where nobody says otherwise, by method and model; and the recipes that are in use elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sakuga.models.checkpoint_files import Facts
from sakuga.training.plan import DreamBooth, Lora, Method, PlanError, TextualInversion

SMALL = 256
"""Pixels: models that draw no larger pictures are trained in larger batches, and faster."""
LARGE = 1024
"""Pixels: models that draw such pictures keep less in memory while they learn."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A recipe: its method, and what of a plan it says."""

    method: Lora
    values: Mapping[str, Any]


def _preset(method: Lora, **values: Any) -> Preset:
    return Preset(method, MappingProxyType({"caption_dropout": 0.0, "min_snr": None, "rate": 1e-4, **values}))


_OPENLY = Lora(targets=("attention",))
PRESETS: dict[str, Preset] = {
    "sd15": _preset(
        replace(_OPENLY, rank=4), steps=3000, batch=1, accumulation=4, schedule="cosine", seed=1337, precision="bf16", size=512,
        buckets=False, flip=True, checkpoint_every=500,
    ),
    "portraits": _preset(
        replace(_OPENLY, rank=16), steps=1500, batch=1, schedule="constant", gradient_checkpointing=True,
    ),
    "sd21": _preset(replace(_OPENLY, rank=4), epochs=5, batch=16, schedule="constant", size=768),
    "sd21-long": _preset(replace(_OPENLY, rank=4), epochs=30, batch=16, schedule="constant", size=768),
    "sdxl": _preset(
        replace(_OPENLY, rank=4), steps=500, batch=1, accumulation=4, schedule="constant", size=1024, gradient_checkpointing=True,
    ),
    "restarts": _preset(
        replace(_OPENLY, rank=32, alpha=16.0, text_encoder=True), steps=2000, batch=1, schedule="cosine-restarts", cycles=3, warmup=100,
        min_snr=5.0,
    ),
}  # fmt: skip
"""Recipes for LoRAs that are in use: names tell what they were made for."""


def find_preset(name: str) -> Preset:
    """Find a recipe; raises PlanError, with those there are."""
    if name not in PRESETS:
        raise PlanError(f"no preset {name!r}: there are {', '.join(PRESETS)}")
    return PRESETS[name]


def filled(method: Method, facts: Facts, trigger: str) -> Method:
    """Fill in what nobody said of a method.

    The layers that learn are those of attention, and on small models the convolutions, in which their looks are; small models hold their
    answers about a class, as was measured (docs/proofs.md). A word that is learnt is the set's trigger; raises PlanError where none is.
    """
    match method:
        case Lora(targets=()):
            return replace(method, targets=("attention", "convolutions") if facts.native_size <= SMALL else ("attention",))
        case TextualInversion(word=""):
            if not trigger:
                raise PlanError("there is no word to learn: the set has no trigger, so give --word")
            return replace(method, word=trigger)
        case DreamBooth(adapter=None, name=TextualInversion()):
            raise PlanError(
                "the whole UNet becomes a model, which has no place for a name that is learnt: learn a LoRA, or leave --initial off"
            )
        case DreamBooth(prior=None):
            return filled(replace(method, prior="answers" if facts.native_size <= SMALL else "pictures"), facts, trigger)
        case DreamBooth(name=TextualInversion(word="")) if not trigger:
            raise PlanError("there is no name to learn: the set has no trigger, so build it with --trigger")
        case DreamBooth(adapter=Lora() as adapter, name=name):
            own, called = filled(adapter, facts, trigger), name and filled(name, facts, trigger)
            assert isinstance(own, Lora)
            assert isinstance(called, TextualInversion | None)
            return replace(method, adapter=own, name=called)
        case _:
            return method


def usual(method: Method, facts: Facts) -> dict[str, Any]:
    """Return the usual values of a plan; `warmup` is a share of the steps here."""
    small = facts.native_size <= SMALL
    values: dict[str, Any] = {
        "size": facts.native_size, "batch": 8 if small else 1, "accumulation": 1 if small else 4,
        "gradient_checkpointing": facts.native_size >= LARGE,
    }  # fmt: skip
    match method:
        case Lora():
            return {**values, "steps": 500 if small else 1500, "rate": 1e-3 if small else 1e-4, "warmup": 0.05}
        case TextualInversion():
            quiet = {"caption_dropout": 0.0, "min_snr": None, "decay": 0.0, "schedule": "cosine" if small else "constant"}
            return {**values, **quiet, "steps": 200 if small else 3000, "rate": 1e-3 if small else 2e-3}
        case DreamBooth(adapter=None):
            return {**values, "steps": 300 if small else 800, "rate": 1e-4 if small else 5e-6, "caption_dropout": 0.0, "accumulation": 1}
        case DreamBooth():
            return {**values, "steps": 300 if small else 800, "rate": 5e-4 if small else 1e-4, "caption_dropout": 0.0, "accumulation": 1}
