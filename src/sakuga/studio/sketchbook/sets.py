"""Training sets of the Sketchbook's world, drawn by its renderer: to try training with, when one has no pictures yet."""

from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sakuga import InputError
from sakuga.datasets.training_set import Example
from sakuga.datasets.writing import check_new_set, numbered, writing_set
from sakuga.sketchbook.labels import LOOKS, Look, composition_of
from sakuga.sketchbook.training_scenes import MOST, TAUGHT, Lesson, Taught, class_lessons, style_lessons, subject_lessons, trigger_of
from sakuga.studio.core.progress import Step
from sakuga.studio.core.settings import LARGEST
from sakuga.studio.core.work import Work

PORTRAITS = 2 / 3
"""The usual share of portraits: with fewer, faces do not take a style."""
LEAST = 32
LICENCE = "MIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonSet:
    """A set that was drawn, and how many pictures of each composition are in it; and the set of its class, where one was asked for."""

    out: Path
    trigger: str
    pictures: int
    compositions: dict[str, int]
    class_set: Path | None = None


def draw_style_set(
    style: str,
    out: Path | str,
    *,
    count: int = 150,
    portraits: int | None = None,
    figures: int | None = None,
    trigger: str | None = None,
    size: tuple[int, int] = (128, 128),
    seed: int = 0,
) -> Work[Step, LessonSet]:
    """Draw `count` scenes in one look, so many of them portraits (two in three unless said) and figures; the rest are landscapes.

    The trigger is the look's usual word unless given. The same seed gives the same scenes in every look. Raises InputError or SetError.
    """
    if style not in LOOKS:
        raise InputError(f"no style {style!r}: the world is drawn in {', '.join(LOOKS)}")
    faces = round(count * PORTRAITS) if portraits is None else portraits
    _check(count, size)
    if faces < 0 or (figures or 0) < 0 or faces + (figures or 0) > count:
        raise InputError(
            f"{faces} portraits and {figures or 0} figures do not fit into {count} pictures: ask for fewer, or for more in all"
        )
    word = trigger or trigger_of(style)
    lessons = style_lessons(count, portraits=faces, figures=figures, trigger=word, seed=seed, aspect=size[0] / size[1])
    done = f"scenes of the Sketchbook's world in the look {style}, drawn by its renderer with seed {seed}"
    return Work(_write(Path(out), lessons, count, style, word, size, done))


def draw_subject_set(
    subject: str,
    out: Path | str,
    *,
    count: int = 12,
    style: str = "flat",
    trigger: str | None = None,
    class_pictures: int = 0,
    size: tuple[int, int] = (128, 128),
    seed: int = 0,
) -> Work[Step, LessonSet]:
    """Draw one subject in `count` places, lights and poses, called by its trigger ("<balloon>" unless given) and not by its kind.

    `class_pictures` further ones of its class, for prior preservation, become a set beside it, OUT-class. Raises InputError or SetError.
    """
    if subject not in TAUGHT:
        raise InputError(f"no subject {subject!r}: there are {', '.join(TAUGHT)}")
    if style not in LOOKS:
        raise InputError(f"no style {style!r}: the world is drawn in {', '.join(LOOKS)}")
    _check(count, size)
    if not 0 <= class_pictures <= MOST // 2:
        raise InputError(f"{class_pictures} class pictures cannot be drawn: choose 0 to {MOST // 2}")
    return Work(_subject(subject, Path(out), count, style, trigger or f"<{subject}>", class_pictures, size, seed))


def _subject(
    subject: Taught, out: Path, count: int, look: Look, name: str, others: int, size: tuple[int, int], seed: int
) -> Generator[Step, None, LessonSet]:
    beside = out.absolute().with_name(f"{out.absolute().name}-class") if others else None
    check_new_set(out)
    aspect, drawn = size[0] / size[1], f"drawn by the renderer of the Sketchbook's world in the look {look} with seed {seed}"
    if beside:
        check_new_set(beside)
        lessons = class_lessons(others, subject=subject, seed=seed, aspect=aspect)
        yield from _write(beside, lessons, others, look, "", size, f"others of the class of {subject}, {drawn}")
    lessons = subject_lessons(count, subject=subject, name=name, seed=seed, aspect=aspect)
    made = yield from _write(out, lessons, count, look, name, size, f"{subject}, always the same, {drawn}")
    return LessonSet(out=made.out, trigger=name, pictures=made.pictures, compositions=made.compositions, class_set=beside)


def _write(
    out: Path, lessons: Iterable[Lesson], count: int, look: Look, trigger: str, size: tuple[int, int], provenance: str
) -> Generator[Step, None, LessonSet]:
    def painted() -> Generator[tuple[Example, np.ndarray], None, None]:
        for number, lesson in enumerate(lessons, 1):
            labels = lesson.moment.labels
            example = Example(
                file=numbered(number, labels.portrait.person if labels.portrait else labels.subject),
                text=lesson.text,
                source="the Sketchbook's world",
                licence=LICENCE,
                composition=composition_of(labels),
                seed=lesson.seed,
            )
            yield example, lesson.moment.picture(*size, look)

    writing = Work(writing_set(out, painted(), trigger=trigger, licence=LICENCE, provenance=provenance))
    for done in writing:
        yield Step(stage="drawing", done=done, total=count)
    made = writing.result()
    shares = Counter(example.composition for example in made.examples if example.composition)
    return LessonSet(out=out, trigger=trigger, pictures=len(made.examples), compositions=dict(shares.most_common()))


def _check(count: int, size: tuple[int, int]) -> None:
    if not 1 <= count <= MOST // 2:
        raise InputError(f"{count} pictures cannot be drawn: choose 1 to {MOST // 2}")
    if not all(LEAST <= side <= LARGEST for side in size) or max(size) > 4 * min(size):
        raise InputError(f"size {size[0]}x{size[1]} cannot be drawn: choose {LEAST} to {LARGEST} pixels a side, up to 4:1")
