"""Pictures to teach with: scenes in one look, or of one subject in many places, each with true words and composition."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import numpy as np

from sakuga.sketchbook.captions import caption_of, full_caption
from sakuga.sketchbook.labels import CHARACTER, HELD_BACK_SUBJECTS, Expression, Labels, Look, Subject, composition_of
from sakuga.sketchbook.sampling import sample_labels
from sakuga.sketchbook.scene import Moment, compose
from sakuga.sketchbook.words import WORDING

Taught = Literal["character"] | Subject
"""What can be taught: somebody, or any object of the world."""
HELD_BACK: tuple[Taught, ...] = ("character", *HELD_BACK_SUBJECTS)
"""What the Sketchbook has never seen."""
TAUGHT: tuple[Taught, ...] = (*HELD_BACK, *(name for name in get_args(Subject) if name not in ("none", *HELD_BACK_SUBJECTS)))
FIRST_SEED = 1_000_000_000
"""Scenes of lessons have seeds from here on, and no picture that the Sketchbook learnt from or is measured by has."""
MOST = 100_000
"""Pictures of one lesson; each `seed` has so many scenes to itself."""
ITSELF = 2
"""The identity of every object that is taught, whatever the seed of a lesson: so further pictures of it can be drawn to measure by."""
LONGEST_TIME = 12.0
"""Seconds after its start within which a scene is seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A picture to teach with, not painted yet: `moment.picture(width, height, look)` paints it."""

    moment: Moment
    text: str
    seed: int


def trigger_of(look: Look) -> str:
    """Return the words that call a look up."""
    return WORDING["look", look].tags[0]


def style_lessons(count: int, *, portraits: int, figures: int | None, trigger: str, seed: int, aspect: float = 1.0) -> Iterator[Lesson]:
    """Show the world in `count` scenes, of which so many are portraits and figures, well mixed; the trigger is said behind each caption.

    With `figures` None the rest is as the world is, now and then with somebody in it. The same seed shows the same scenes in every look.
    """
    kinds = ["portrait"] * portraits + ["figure"] * (figures or 0)
    kinds += ["landscape" if figures is not None else "scene"] * (count - len(kinds))
    for index, kind in enumerate(np.random.default_rng((seed, 0)).permutation(kinds).tolist()):
        rng = np.random.default_rng((seed, 1, index))
        labels = _sampled(rng, kind == "portrait", partial(_is, kind))
        yield _lesson(labels, rng, seed, index, f"{full_caption(labels, rng)}, {trigger}", aspect)


def subject_lessons(count: int, *, subject: Taught, name: str, seed: int, aspect: float = 1.0) -> Iterator[Lesson]:
    """Show one and the same subject in `count` places, lights and poses; captions call it by `name` and not by its kind."""
    for index in range(count):
        rng = np.random.default_rng((seed, 2, index))
        labels = _with(subject, rng)
        yield _lesson(labels, rng, seed, index, caption_of(name, labels, rng), aspect, identity=ITSELF)


def class_lessons(count: int, *, subject: Taught, seed: int, aspect: float = 1.0) -> Iterator[Lesson]:
    """Show others of a subject's class, with their own words: other girls for the character, other things for an object."""
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
        return _sampled(rng, False, lambda labels: labels.subject == subject, held_back=subject in HELD_BACK)
    labels = _sampled(rng, True, lambda _: True)
    mood: Expression = get_args(Expression)[int(rng.integers(len(get_args(Expression))))]
    return replace(labels, portrait=replace(CHARACTER, expression=mood))


def _sampled(rng: np.random.Generator, portrait: bool, fits: Callable[[Labels], bool], held_back: bool = False) -> Labels:
    """Draw labels until they fit."""
    while True:
        labels = sample_labels(rng, portrait=portrait, held_back=held_back)
        if fits(labels):
            return labels


def _lesson(
    labels: Labels, rng: np.random.Generator, seed: int, index: int, text: str, aspect: float, identity: int | None = None
) -> Lesson:
    scene = compose(labels, FIRST_SEED + MOST * seed + index, aspect, identity)
    return Lesson(moment=scene.at(float(rng.uniform(0.0, LONGEST_TIME))), text=text, seed=scene.seed)
