"""Runs of a study as plain values."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

EDITION = 3
"""A part of every digest: raise it when the same values mean another run."""

SCORING_FIELDS = ("looks", "subject")
"""Fields of a generation run that decide its scores and not its images."""

LOOK_TRIGGER = "sks style"
"""The trigger word of a trained look; the base already knows the looks of its world by name."""

Method = Literal["lora", "textual-inversion", "dreambooth"]
Blend = Literal["exact", "naive"]
METHODS: tuple[Method, ...] = ("lora", "textual-inversion", "dreambooth")


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedSet:
    """A rendered training set of a look or subject."""

    look: str = "flat"
    subject: str = ""
    """The subject to train; "" trains the look."""
    count: int = 48
    portraits: int = 24
    """Portraits among a look's scenes; the rest are landscapes."""
    class_pictures: int = 0
    """Class images for prior preservation."""
    seed: int = 0

    @property
    def trigger(self) -> str:
        """The trigger word.

        The subject's, or for a look one that the base does not know.
        """
        return f"<{self.subject}>" if self.subject else LOOK_TRIGGER


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSet:
    """A training set in a folder, identified by its content."""

    path: str
    digest: str
    trigger: str
    count: int
    """Images of one epoch."""
    look: str = ""
    subject: str = ""


SetSource: TypeAlias = RenderedSet | FolderSet


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """A training run."""

    model: str
    """The digest of the base model's generating networks."""
    training_set: SetSource
    method: Method = "lora"
    rank: int = 8
    steps: int = 300
    batch: int = 8
    rate: float = 1e-3
    text_encoder: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedStyle:
    """A style trained in the study, with its adapter weight."""

    training: TrainingRun
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRun:
    """Images to generate and score.

    Compared runs have the same prompts and seeds.
    """

    model: str
    prompts: tuple[str, ...]
    seeds: int = 1
    applied_styles: tuple[TrainedStyle, ...] = ()
    blend: Blend = "exact"
    suffix: str = ""
    """Words added to every prompt, such as the styles' trigger words; no others are added."""
    steps: int = 20
    looks: tuple[str, ...] = ()
    """Looks to score besides those of the world; scoring does not change the digest."""
    subject: str = ""
    """A subject to score."""


Run: TypeAlias = TrainingRun | GenerationRun


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRun:
    """A run with its name for readers.

    One run may have several.
    """

    name: str
    run: Run


def digest(run: Run) -> str:
    """Return the digest of a run's content."""
    return hashlib.sha256(f"sakuga study {EDITION} {kind_of(run)} {json.dumps(run_values(run), sort_keys=True)}".encode()).hexdigest()


def kind_of(run: Run) -> str:
    """Return a run's kind for config.json: "training" or "generation"."""
    return "training" if isinstance(run, TrainingRun) else "generation"


def run_values(run: Run) -> dict[str, Any]:
    """Return a run as JSON values.

    Without a training set's path and size.
    """
    match run:
        case TrainingRun(training_set=FolderSet() as folder):
            values = asdict(replace(folder, path=""))
            return asdict(run) | {"training_set": {key: value for key, value in values.items() if key != "count"}}
        case TrainingRun():
            return asdict(run)
        case GenerationRun(applied_styles=applied_styles):
            values = asdict(replace(run, applied_styles=()))
            return {key: value for key, value in values.items() if key not in SCORING_FIELDS} | {
                "applied_styles": [_style_values(applied) for applied in applied_styles]
            }


def _style_values(applied: TrainedStyle) -> dict[str, Any]:
    return {"training": run_values(applied.training), "weight": applied.weight}


def required_trainings(run: Run) -> tuple[TrainingRun, ...]:
    """Return the trainings that a run requires."""
    return tuple(applied.training for applied in run.applied_styles) if isinstance(run, GenerationRun) else ()


def ordered_runs(runs: tuple[NamedRun, ...]) -> tuple[NamedRun, ...]:
    """Return each run once, trainings first.

    These are named after it unless named.
    """
    found: dict[str, NamedRun] = {}
    named = {digest(one.run): one for one in reversed(runs)}
    for one in runs:
        for training in required_trainings(one.run):
            name = digest(training)
            found.setdefault(name, named.get(name, NamedRun(name=f"train {one.name}", run=training)))
        found.setdefault(digest(one.run), named[digest(one.run)])
    return tuple(found.values())
