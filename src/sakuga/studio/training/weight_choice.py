"""The weight of a trained LoRA, chosen by what prompts still show with it."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sakuga.datasets.training_set import TrainingSet
from sakuga.evaluation.confidence import mean_interval
from sakuga.models.checkpoint_files import CheckpointError, CheckpointFiles
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.label_codes import ATTRIBUTES, Codes, stated_codes
from sakuga.story.settings import FilmSettings
from sakuga.studio.core.progress import Step
from sakuga.studio.core.settings import resolve_settings
from sakuga.studio.evaluation.metric_models import MetricModels, load_metric_models
from sakuga.studio.evaluation.style_comparison import default_prompts
from sakuga.studio.training.clip_reading import READABLE, read_by_clip
from sakuga.studio.training.samples import at_weight, generate_images, write_sheet

if TYPE_CHECKING:
    from sakuga.training.lora import LoraMethod

WEIGHTS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
TOLERANCE = 0.05
"""Share of the labels of prompts that a style may lose against the base model."""
STEPS = 10
"""Denoising steps: labels are read from these images as well as from finer ones."""
READ = ("subject", "place", "portrait", "person", "hair", "time", "weather")
"""The attributes that count; a look is what the style changes."""
SHEET = "weights.png"
UNREAD_WEIGHT = 0.7
"""What a small set was best at (docs/train.md), to try where nothing can read the images."""
SHOWN = 6
"""Prompts that the sheet shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightTrial:
    """What prompts show at one weight."""

    weight: float
    lost: float
    """Share of the prompts' labels that the base model shows and the style does not, less the reverse.

    By a CLIP: share of the prompts that it no longer recognises in their images.
    """
    low: float
    high: float
    """The 95% interval of `lost`."""
    likeness: float | None = None
    """100 x the mean cosine of its images to the set's, by a CLIP."""


NO_TRIAL = WeightTrial(weight=1.0, lost=0.0, low=0.0, high=0.0)
"""What a style is written with where nothing was tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightChoice:
    """A chosen weight with its evidence."""

    weight: float
    trials: tuple[WeightTrial, ...]
    prompts: int
    trigger: str = ""
    word: WeightTrial | None = None
    """What the trigger word alone loses, without the style; None where weight 1 keeps subjects, or there is no word."""
    base: float | None = None
    """Share of the prompts that a CLIP recognises in the base model's images."""
    likeness: float | None = None
    """Likeness of the base model's images to the set's, by a CLIP."""
    clip: str = ""
    """The CLIP that read the images; "" for a classifier."""

    def text(self) -> str:
        """Return it in words."""
        if not self.trials:
            return (
                f"no weight was chosen: the CLIP of {self.clip} recognises only {self.base:.0%} of {self.prompts} prompts in the base "
                f"model's own images: name another with --weight-clip, and try weight {UNREAD_WEIGHT:g} by hand"
            )
        return f"{self._found()}{self._by_the_clip()}"

    def _found(self) -> str:
        first, chosen = self.trials[0], next(one for one in self.trials if one.weight == self.weight)
        if self.weight == 1 and first.lost <= TOLERANCE:
            return f"weight 1 keeps subjects: {_lost(first)} of what {self.prompts} prompts state is lost against the base model"
        lower = f"at {self.weight:g} {_lost(chosen)}: weight {self.weight:g} is written into the style"
        return (
            f"subjects lost: at weight 1 {_lost(first)} of what {self.prompts} prompts state is lost, "
            f"{'and no lower weight loses less' if self.weight == 1 else lower}{self._of_the_word()}"
        )

    def _of_the_word(self) -> str:
        """Return what to do where the trigger word loses subjects by itself."""
        if not self.word or self.word.lost <= TOLERANCE:
            return ""
        return (
            f"; the word '{self.trigger}' alone loses {_lost(self.word)}, without the style, since the model knows it: "
            "choose a trigger word that it does not know"
        )

    def _by_the_clip(self) -> str:
        """Return what a CLIP went by, and how like the set's images are at each weight."""
        if not self.clip:
            return ""
        alike = ", ".join([f"{self.likeness:g} without the style", *(f"{one.likeness:g} at {one.weight:g}" for one in self.trials)])
        return (
            f"; by the CLIP of {self.clip}, which recognises {self.base:.0%} of the prompts without the style; "
            f"likeness to the set's images: {alike}"
        )

    def values(self) -> dict[str, Any]:
        """Return plain values for `metrics.json`."""
        word = {"word": asdict(self.word)} if self.word else {}
        clip = {"clip": self.clip, "base": self.base, "likeness": self.likeness} if self.clip else {}
        return {"prompts": self.prompts, "tolerance": TOLERANCE, "trials": [asdict(one) for one in self.trials], **word, **clip}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What reads how much of their prompts images show."""

    shown: Callable[[Any], Any]
    """Images of all prompts, (n, h, w, 3), to the share of its prompt that each shows, (n,)."""
    likeness: Callable[[Any], float | None]
    """The same to their likeness to the set's."""
    clip: str
    """The CLIP that reads; "" for a classifier."""


def find_reader(source: CheckpointFiles, prompts: Sequence[str], training_set: TrainingSet, clip: str) -> Reader:
    """Return a model's classifier as a reader, or a CLIP where one is named or there is no classifier; raises CheckpointError."""
    models = load_metric_models(source.name, clip or None)
    if models.classifier is not None and not clip:
        return Reader(shown=lambda images: shown_labels(models, images, prompts), likeness=lambda _: None, clip="")
    if models.clip is None:
        raise CheckpointError(models.clip_error)
    reading = read_by_clip(models.clip, prompts, training_set)
    return Reader(shown=reading.shown, likeness=reading.likeness, clip=models.clip.name)


def choose_weight(
    method: "LoraMethod", source: CheckpointFiles, training_set: TrainingSet, count: int, samples: Path, clip: str = ""
) -> Generator[Step, None, WeightChoice]:
    """Choose the greatest weight that loses no more than a twentieth of what prompts state.

    The same prompts and seeds are generated by the base model and at falling weights, until one is good enough; if none is, the one that
    loses least is chosen. Where weight 1 loses more, the base model with the trigger word is measured, too: a word that it knows can be
    what loses subjects. Prompts are held-out captions that name no look, of other models a fixed list. `samples/weights.png` shows the
    first of them: the base model above, then weight 1, then the word alone where it was measured, then lower weights. A CLIP that cannot
    read the base model's own images chooses nothing.
    """
    prompts, trigger = default_prompts(source.name, count), training_set.trigger
    reader, settings = find_reader(source, prompts, training_set, clip), resolve_settings(FilmSettings(steps=STEPS), source)
    styled = [", ".join(filter(None, (prompt, trigger))) for prompt in prompts]
    with method.base_weights():
        images = generate_images(method, prompts, settings)
    base, alike, rows = reader.shown(images), reader.likeness(images), [images[:SHOWN]]
    yield Step(stage="finishing", done=1, total=len(WEIGHTS) + 1)
    trials: list[WeightTrial] = []
    word: WeightTrial | None = None
    for place, weight in enumerate(WEIGHTS if not reader.clip or base.mean() >= READABLE else ()):
        images = at_weight(method, weight, styled, settings)
        trials.append(replace(trial(weight, base - reader.shown(images)), likeness=reader.likeness(images)))
        rows.append(images[:SHOWN])
        yield Step(stage="finishing", done=place + 2, total=len(WEIGHTS) + 1)
        if trials[-1].lost <= TOLERANCE:
            break
        if trigger and word is None:
            with method.base_weights():
                images = generate_images(method, styled, settings)
            word = trial(0.0, base - reader.shown(images))
            rows.append(images[:SHOWN])
    write_sheet(samples / SHEET, rows)
    read: dict[str, Any] = {"clip": reader.clip, "base": round(float(base.mean()), 4), "likeness": alike} if reader.clip else {}
    best = trials[-1].weight if trials and trials[-1].lost <= TOLERANCE else min(trials, key=lambda one: one.lost, default=NO_TRIAL).weight
    return WeightChoice(weight=best, trials=tuple(trials), prompts=len(prompts), trigger=trigger, word=word, **read)


def trial(weight: float, lost: Any) -> WeightTrial:
    """Return the mean of what each prompt lost at a weight, with its interval."""
    interval = mean_interval(lost)
    low, high = (interval.low, interval.high) if interval else (float(lost.min()), float(lost.max()))
    return WeightTrial(weight=weight, lost=round(float(lost.mean()), 4), low=round(low, 4), high=round(high, 4))


def shown_labels(models: MetricModels, images: Any, prompts: Sequence[str]) -> Any:
    """Return the share of its prompt's labels that each image shows, (n,)."""
    read = models.labels(list(images))
    assert read is not None, "the model has a classifier"
    return _share(read, np.stack([stated_codes(read_labels(prompt)) for prompt in prompts]))


def _share(read: Codes, stated: Codes) -> Any:
    columns = [list(ATTRIBUTES).index(name) for name in READ]
    known = stated[:, columns] >= 0
    return ((read == stated)[:, columns] & known).sum(axis=1) / np.maximum(1, known.sum(axis=1))


def _lost(one: WeightTrial) -> str:
    return f"{one.lost:.0%} [{one.low:.0%}, {one.high:.0%}]"
