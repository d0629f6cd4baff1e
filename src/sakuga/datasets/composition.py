"""Composition labels (portrait, figure, landscape) from rows, faces, CLIP or captions."""

import re
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sakuga.datasets.buckets import Box
from sakuga.datasets.training_set import Composition

LabelSource = Literal["row", "face", "CLIP", "caption"]
LABEL_SOURCES: tuple[LabelSource, ...] = get_args(LabelSource)
PORTRAIT_FACE = 0.2
"""The smallest face of a portrait, as a share of the shorter side."""
CLIP_TEXTS: dict[Composition, tuple[str, ...]] = {
    "portrait": ("a portrait of a girl", "a portrait of a boy", "a portrait of a woman", "a portrait of a man", "a close-up of a face"),
    "figure": ("a person standing, full body", "a person walking", "people in the distance", "a character, full body"),
    "landscape": (
        "a landscape", "the sea", "a castle", "mountains", "a meadow", "a cottage in the hills", "a tree", "a boat on a lake",
        "a city street", "a room", "an object",
    ),
}  # fmt: skip
"""Texts for CLIP; an image takes the composition of the nearest one."""
_CLOSE = re.compile(r"\b(?:portraits?|close-?ups?|headshots?|selfies?)\b", re.IGNORECASE)
_SOMEBODY = re.compile(
    r"\b(?:girls?|boys?|wom[ae]n|m[ae]n|persons?|people|figures?|child(?:ren)?|travell?ers?|wanderers?|hikers?|someone|knights?|"
    r"characters?|warriors?|princess(?:es)?|kings?|queens?|1girl|1boy|lady|ladies|kids?|samurai|dancers?|full.body)\b",
    re.IGNORECASE,
)


def composition_by_face(faces: Sequence[Box], width: int, height: int) -> Composition | None:
    """Classify by the largest face.

    Large is a portrait, small a figure; None without one.
    """
    if not faces:
        return None
    largest = max(face.bottom - face.top for face in faces)
    return "portrait" if largest >= PORTRAIT_FACE * min(width, height) else "figure"


def composition_by_caption(text: str) -> Composition | None:
    """Classify by words for a close view or a person.

    None where a caption has neither.

    >>> [composition_by_caption(text) for text in ("a portrait of a girl", "a traveller by the sea", "the sea")]
    ['portrait', 'figure', None]
    """
    return "portrait" if _CLOSE.search(text) else "figure" if _SOMEBODY.search(text) else None


def composition_by_clip(images: NDArray[np.float32], texts: NDArray[np.float32], kinds: Sequence[Composition]) -> list[Composition]:
    """Classify image embeddings by the nearest text embedding.

    Embeddings are (n, channels) and (texts, channels).
    Source: Radford et al. 2021, section 3.1.2.
    """
    unit_pictures, unit_texts = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (images, texts))
    return [kinds[int(place)] for place in (unit_pictures @ unit_texts.T).argmax(axis=1)]


def resolve_composition(
    row: Composition | None, face: Composition | None, clip: Composition | None, caption: Composition | None
) -> tuple[Composition, LabelSource] | None:
    """Combine labels from several sources; None where there are none.

    A row wins. A face counts where CLIP or the caption also suggests a person, as rocks look like faces now and then. A caption that
    mentions a person overrules CLIP's "landscape".
    """
    if row:
        return row, "row"
    if face and (caption or clip != "landscape"):
        return face, "face"
    if clip == "landscape" and caption:
        return caption, "caption"
    if clip:
        return clip, "CLIP"
    return (caption, "caption") if caption else None
