"""Scenes for training sets of styles and subjects."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import numpy as np

from sakuga.sketchbook.captions import caption_of, full_caption
from sakuga.sketchbook.labels import CHARACTER, HELD_OUT_SUBJECTS, Expression, Labels, Look, Subject, composition_of
from sakuga.sketchbook.sampling import sample_labels
from sakuga.sketchbook.scene import Moment, compose
from sakuga.sketchbook.words import WORDING

Taught = Literal["character"] | Subject
"""What can be trained: the character, or any object of the world."""
HELD_OUT: tuple[Taught, ...] = ("character", *HELD_OUT_SUBJECTS)
"""Subjects that the Sketchbook was not trained on."""
TAUGHT: tuple[Taught, ...] = (*HELD_OUT, *(name for name in get_args(Subject) if name not in ("none", *HELD_OUT_SUBJECTS)))
FIRST_SEED = 1_000_000_000
"""First seed of training scenes; no image that the Sketchbook is trained or evaluated on has such a seed."""
MOST = 100_000
"""Seeds reserved for each `seed` of a training set."""
ITSELF = 2
"""The identity of every trained object, whatever the seed of its set, so that further images of it can be rendered for evaluation."""
LONGEST_TIME = 12.0
"""Seconds after its start within which a scene is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingScene:
    """A training image before painting.

    `moment.image(width, height, look)` paints it.
    """

    moment: Moment
    text: str
    seed: int


def trigger_of(look: Look) -> str:
    """Return the trigger words of a look."""
    return WORDING["look", look].tags[0]


def style_scenes(
    count: int, *, portraits: int, figures: int | None, trigger: str, seed: int, aspect: float = 1.0
) -> Iterator[TrainingScene]:
    """Yield scenes for a style's training set.

    `portraits` and `figures` are their numbers among `count`; the trigger is appended to each caption.

    With `figures` None the rest has figures as often as the world has. The same seed shows the same scenes in every look.
    """
    kinds = ["portrait"] * portraits + ["figure"] * (figures or 0)
    kinds += ["landscape" if figures is not None else "scene"] * (count - len(kinds))
    for index, kind in enumerate(np.random.default_rng((seed, 0)).permutation(kinds).tolist()):
        rng = np.random.default_rng((seed, 1, index))
        labels = _sampled(rng, kind == "portrait", partial(_is, kind))
        yield _lesson(labels, rng, seed, index, f"{full_caption(labels, rng)}, {trigger}", aspect)


def subject_scenes(count: int, *, subject: Taught, name: str, seed: int, aspect: float = 1.0) -> Iterator[TrainingScene]:
    """Yield scenes of one subject in many places.

    Captions call it by `name`, not by its class.
    """
    for index in range(count):
        rng = np.random.default_rng((seed, 2, index))
        labels = _with(subject, rng)
        yield _lesson(labels, rng, seed, index, caption_of(name, labels, rng), aspect, identity=ITSELF)


def class_scenes(count: int, *, subject: Taught, seed: int, aspect: float = 1.0) -> Iterator[TrainingScene]:
    """Yield scenes of the subject's class, for prior preservation.

    Other girls for the character, other things for an object, with their own captions.
    """
    for index in range(count):
        rng = np.random.default_rng((seed, 3, index))
        if subject == "character":
            labels = _sampled(rng, True, lambda labels: labels.portrait is not None and labels.portrait.person == CHARACTER.person)
        else:
            labels = _sampled(rng, False, lambda labels: labels.subject not in ("none", subject))
        yield _lesson(labels, rng, seed, MOST // 2 + index, full_caption(labels, rng), aspect)


def _is(kind: str, labels: Labels) -> bool:
    return kind in ("scene", composition_of(labels))


def _with(subject: Taught, rng: np.random.Generator) -> Labels:
    if subject != "character":
        return _sampled(rng, False, lambda labels: labels.subject == subject, with_held_out=subject in HELD_OUT)
    labels = _sampled(rng, True, lambda _: True)
    mood: Expression = get_args(Expression)[int(rng.integers(len(get_args(Expression))))]
    return replace(labels, portrait=replace(CHARACTER, expression=mood))


def _sampled(rng: np.random.Generator, portrait: bool, fits: Callable[[Labels], bool], with_held_out: bool = False) -> Labels:
    """Sample labels until they fit."""
    while True:
        labels = sample_labels(rng, portrait=portrait, with_held_out=with_held_out)
        if fits(labels):
            return labels


def _lesson(
    labels: Labels, rng: np.random.Generator, seed: int, index: int, text: str, aspect: float, identity: int | None = None
) -> TrainingScene:
    scene = compose(labels, FIRST_SEED + MOST * seed + index, aspect, identity)
    return TrainingScene(moment=scene.at(float(rng.uniform(0.0, LONGEST_TIME))), text=text, seed=scene.seed)
