"""What the pictures of a set are of: told by their rows, a face, CLIP or their captions."""

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from sakuga.datasets.composition import JUDGES, WORDS, by_caption, by_clip, by_face, settled
from sakuga.datasets.faces import find_faces
from sakuga.datasets.image_reading import read_picture
from sakuga.datasets.training_set import COMPOSITIONS, Composition, Example, TrainingSet
from sakuga.models.checkpoint_files import SKETCHBOOK, Source
from sakuga.studio.core.progress import Step

LOOKED_AT = 256
"""Pixels of the longer side of the copies that are compared and shown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glimpse:
    """What is kept of a picture to tell what it is of."""

    example: Example
    small: np.ndarray
    face: Composition | None


def glimpse(example: Example, picture: np.ndarray) -> Glimpse:
    """Look at a picture (height, width, 3); faces are looked for where its row does not say what it is of."""
    height, width = picture.shape[:2]
    face = None if example.composition else by_face(find_faces(picture), width, height)
    return Glimpse(example=example, small=shrunk(picture, LOOKED_AT, longer=True), face=face)


def tell(glimpses: Sequence[Glimpse], clip: str) -> tuple[dict[str, Composition], dict[str, int], str]:
    """Tell by their files what pictures are of, how many each judge told, and who CLIP is; it looks where rows do not say it.

    Raises CheckpointError where the CLIP cannot be read.
    """
    unsaid = [one for one in glimpses if one.example.composition is None]
    seen: list[Composition | None] = []
    if unsaid:
        from sakuga.models.feature_extractors import open_clip

        eyes = open_clip(clip)
        kinds = [kind for kind in COMPOSITIONS for _ in WORDS[kind]]
        seen += by_clip(
            eyes.pictures([one.small for one in unsaid]), eyes.texts([text for kind in COMPOSITIONS for text in WORDS[kind]]), kinds
        )
    told = {one.example.file: settled(one.example.composition, None, None, None) for one in glimpses}
    told |= {one.example.file: settled(None, one.face, by, by_caption(one.example.text)) for one, by in zip(unsaid, seen, strict=True)}
    compositions = {file: found[0] for file, found in told.items() if found}
    counts = Counter(found[1] for found in told.values() if found)
    judge = f"CLIP is that of {clip}" + (", which knows no photographs: name another with --clip" if clip == SKETCHBOOK else "")
    return compositions, {name: counts[name] for name in JUDGES if counts[name]}, judge if unsaid else "their rows say it"


def with_clip(checkpoint: Source) -> str:
    """Name the model whose CLIP looks: this one, if it has one, else the Sketchbook."""
    return checkpoint.name if checkpoint.facts.sees_pictures else SKETCHBOOK


def with_compositions(whole: TrainingSet, clip: str) -> Generator[Step, None, tuple[Example, ...]]:
    """Write into the rows that do not say it what their pictures are of; raises PictureError for one that cannot be read."""
    unsaid = [example for example in whole.examples if example.composition is None]
    glimpses: list[Glimpse] = []
    for example in unsaid:
        glimpses.append(glimpse(example, read_picture(whole.path(example)).picture))
        yield Step(stage="inspecting", done=len(glimpses), total=len(unsaid))
    compositions, told_by, judge = tell(glimpses, clip)
    if unsaid:
        by = ", ".join(f"{count} by {name}" for name, count in told_by.items())
        yield Step(stage="inspecting", note=f"no row says what {len(unsaid)} of the pictures are of; it is told {by} ({judge})")
    return tuple(replace(one, composition=one.composition or compositions.get(one.file)) for one in whole.examples)


def shrunk(picture: np.ndarray, side: int, *, longer: bool = False) -> np.ndarray:
    """Bring the shorter (or the longer) side down to so many pixels; a smaller picture stays."""
    height, width = picture.shape[:2]
    scale = side / (max(width, height) if longer else min(width, height))
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
