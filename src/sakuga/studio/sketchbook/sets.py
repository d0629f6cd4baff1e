"""Training sets rendered from the Sketchbook's world.

To try training without images of one's own.
"""

from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sakuga import InputError
from sakuga.datasets.training_set import Example
from sakuga.datasets.writing import image_name, write_set_steps
from sakuga.sketchbook.labels import LOOKS, Look, composition_of
from sakuga.sketchbook.training_scenes import MOST, TAUGHT, TrainingScene, class_scenes, style_scenes, subject_scenes, trigger_of
from sakuga.story.options import SEED
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.output import check_set_folder
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work

PORTRAITS = 2 / 3
"""Default share of portraits: with fewer, faces do not take on a style."""
MIN_SIDE, MAX_SIDE = 32, 4096
"""Pixels."""
LICENCE = "MIT"


@dataclass(frozen=True, slots=True, kw_only=True)
class SketchbookSet:
    """A rendered training set.

    Its images by composition, and the set of its class, if one was requested.
    """

    out: Path
    trigger: str
    images: int
    compositions: dict[str, int]
    class_set: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRender:
    """Scenes of a set to render."""

    out: Path
    scenes: Iterable[TrainingScene]
    count: int
    look: Look
    trigger: str
    size: tuple[int, int]
    provenance: str


@checked(seed=SEED)
def render_style_set(
    style: str,
    out: Path | str,
    *,
    count: int = 150,
    portraits: int | None = None,
    figures: int | None = None,
    trigger: str | None = None,
    size: tuple[int, int] = (128, 128),
    seed: int = 0,
) -> Work[Step, SketchbookSet]:
    """Render a style's training set.

    `count` scenes in one look: portraits (by default two in three), figures, and landscapes. The trigger word is the look's own by default.
    The same seed gives the same scenes in every look. Raises InputError or SetError.
    """
    look = _look(style)
    faces = round(count * PORTRAITS) if portraits is None else portraits
    _check(count, size)
    if faces < 0 or (figures or 0) < 0 or faces + (figures or 0) > count:
        raise InputError(f"{faces} portraits and {figures or 0} figures do not fit into {count} images: choose fewer, or more images")
    word = trigger or trigger_of(look)
    return Work(
        _render(
            SetRender(
                out=Path(out),
                scenes=style_scenes(count, portraits=faces, figures=figures, trigger=word, seed=seed, aspect=size[0] / size[1]),
                count=count,
                look=look,
                trigger=word,
                size=size,
                provenance=f"scenes of the Sketchbook's world in the look {look}, rendered with seed {seed}",
            )
        )
    )


@checked(seed=SEED)
def render_subject_set(
    subject: str,
    out: Path | str,
    *,
    count: int = 12,
    style: str = "flat",
    trigger: str | None = None,
    class_images: int = 0,
    size: tuple[int, int] = (128, 128),
    seed: int = 0,
) -> Work[Step, SketchbookSet]:
    """Render a subject's training set.

    One subject in `count` places, lights and poses, named by its trigger word ("<balloon>" by default). With `class_images`, so many images
    of others of its class become a set beside it, OUT-class, for prior preservation. Raises InputError or SetError.
    """
    if subject not in TAUGHT:
        raise InputError(f"unknown subject {subject!r}; subjects are {', '.join(TAUGHT)}")
    look = _look(style)
    _check(count, size)
    if not 0 <= class_images <= MOST // 2:
        raise InputError(f"class images: {class_images} is out of range; choose 0 to {MOST // 2}")
    aspect, name = size[0] / size[1], trigger or f"<{subject}>"
    rendered = f"rendered from the Sketchbook's world in the look {look} with seed {seed}"
    own = SetRender(
        out=Path(out),
        scenes=subject_scenes(count, subject=subject, name=name, seed=seed, aspect=aspect),
        count=count,
        look=look,
        trigger=name,
        size=size,
        provenance=f"{subject}, always the same, {rendered}",
    )
    others = replace(
        own,
        out=own.out.absolute().with_name(f"{own.out.absolute().name}-class"),
        scenes=class_scenes(class_images, subject=subject, seed=seed, aspect=aspect),
        count=class_images,
        trigger="",
        provenance=f"others of the class of {subject}, {rendered}",
    )
    return Work(_render_with_class(own, others if class_images else None))


def _render_with_class(own: SetRender, others: SetRender | None) -> Generator[Step, None, SketchbookSet]:
    check_set_folder(own.out)
    if others:
        check_set_folder(others.out)
        yield from _render(others)
    made = yield from _render(own)
    return replace(made, class_set=others.out if others else None)


def _render(wanted: SetRender) -> Generator[Step, None, SketchbookSet]:
    images = _images(wanted)
    writing = Work(write_set_steps(wanted.out, images, trigger=wanted.trigger, licence=LICENCE, provenance=wanted.provenance))
    for done in writing:
        yield Step(stage="rendering", done=done, total=wanted.count)
    made = writing.result()
    shares = Counter(example.composition for example in made.examples if example.composition)
    return SketchbookSet(
        out=wanted.out, trigger=wanted.trigger, images=len(made.examples), compositions=dict(shares.most_common())
    )  # fmt: skip


def _images(wanted: SetRender) -> Generator[tuple[Example, np.ndarray], None, None]:
    for number, scene in enumerate(wanted.scenes, 1):
        labels = scene.moment.labels
        example = Example(
            file=image_name(number, labels.portrait.person if labels.portrait else labels.subject),
            text=scene.text,
            source="the Sketchbook's world",
            licence=LICENCE,
            composition=composition_of(labels),
            seed=scene.seed,
        )
        yield example, scene.moment.image(*wanted.size, wanted.look)


def _look(style: str) -> Look:
    if style not in LOOKS:
        raise InputError(f"unknown style {style!r}; the world has the looks {', '.join(LOOKS)}")
    return style


def _check(count: int, size: tuple[int, int]) -> None:
    if not 1 <= count <= MOST // 2:
        raise InputError(f"images: {count} is out of range; choose 1 to {MOST // 2}")
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in size) or max(size) > 4 * min(size):
        raise InputError(f"size {size[0]}x{size[1]} is out of range; choose {MIN_SIDE} to {MAX_SIDE} pixels a side, up to 4:1")
