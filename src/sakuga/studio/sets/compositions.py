"""Compositions of a set's images, from rows, faces, CLIP or captions."""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from sakuga.datasets.composition import (
    CLIP_TEXTS,
    LABEL_SOURCES,
    composition_by_caption,
    composition_by_clip,
    composition_by_face,
    resolve_composition,
)
from sakuga.datasets.faces import find_faces
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.training_set import COMPOSITIONS, Composition, Example, TrainingSet
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointFiles
from sakuga.studio.core.progress import Step
from sakuga.timeline.clip import Image

THUMBNAIL_SIDE = 256
"""Longer side in pixels of the copies that are classified and shown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thumbnail:
    """A small copy of an example's image.

    `face` is its composition by face detection.
    """

    example: Example
    image: Image
    face: Composition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """Compositions by file, and where they come from."""

    compositions: Mapping[str, Composition]
    sources: Mapping[str, int]
    clip_note: str


def make_thumbnail(example: Example, image: Image) -> Thumbnail:
    """Shrink an image, and detect faces if needed."""
    height, width = image.shape[:2]
    face = None if example.composition else composition_by_face(find_faces(image), width, height)
    return Thumbnail(example=example, image=shrink(image, THUMBNAIL_SIDE, longer=True), face=face)


def classify_compositions(thumbnails: Sequence[Thumbnail], clip: str) -> Classified:
    """Determine compositions; the CLIP model `clip` is used where rows have none.

    Raises CheckpointError where the CLIP cannot be read.
    """
    unlabeled = [one for one in thumbnails if one.example.composition is None]
    by_clip = _classify_by_clip(unlabeled, clip) if unlabeled else []
    labels = {one.example.file: resolve_composition(one.example.composition, None, None, None) for one in thumbnails}
    for one, label in zip(unlabeled, by_clip, strict=True):
        labels[one.example.file] = resolve_composition(None, one.face, label, composition_by_caption(one.example.text))
    counts = Counter(label[1] for label in labels.values() if label)
    note = f"the CLIP of {clip}" + (", which knows no photographs: choose another with --clip" if clip == SKETCHBOOK else "")
    return Classified(
        compositions={file: label[0] for file, label in labels.items() if label},
        sources={name: counts[name] for name in LABEL_SOURCES if counts[name]},
        clip_note=note if unlabeled else "all rows have one",
    )


def _classify_by_clip(thumbnails: Sequence[Thumbnail], name: str) -> list[Composition]:
    from sakuga.models.feature_extractors import load_clip

    clip = load_clip(name)
    kinds = [kind for kind in COMPOSITIONS for _ in CLIP_TEXTS[kind]]
    texts = [text for kind in COMPOSITIONS for text in CLIP_TEXTS[kind]]
    return composition_by_clip(clip.embed_images([one.image for one in thumbnails]), clip.embed_texts(texts), kinds)


def clip_for(checkpoint: CheckpointFiles) -> str:
    """Return the checkpoint whose CLIP classifies images.

    This one, if it has an image encoder, or else the Sketchbook.
    """
    return checkpoint.name if checkpoint.info.has_image_encoder else SKETCHBOOK


def label_compositions(original: TrainingSet, clip: str) -> Generator[Step, None, tuple[Example, ...]]:
    """Return the examples, all with compositions; raises ImageError."""
    unlabeled = [example for example in original.examples if example.composition is None]
    thumbnails: list[Thumbnail] = []
    for example in unlabeled:
        thumbnails.append(make_thumbnail(example, read_image(original.path(example)).image))
        yield Step(stage="inspecting", done=len(thumbnails), total=len(unlabeled))
    classified = classify_compositions(thumbnails, clip)
    if unlabeled:
        sources = ", ".join(f"{count} by {name}" for name, count in classified.sources.items())
        yield Step(stage="inspecting", note=f"{len(unlabeled)} rows have no composition; classified {sources} ({classified.clip_note})")
    return tuple(replace(one, composition=one.composition or classified.compositions.get(one.file)) for one in original.examples)


def shrink(image: Image, side: int, *, longer: bool = False) -> Image:
    """Shrink an image's shorter (or longer) side.

    Images smaller than `side` pixels are unchanged.
    """
    height, width = image.shape[:2]
    scale = side / (max(width, height) if longer else min(width, height))
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
