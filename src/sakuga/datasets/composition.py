"""What a picture is of: a portrait, a figure or a landscape. By its row, a face, CLIP or its caption."""

import re
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sakuga.datasets.buckets import Box
from sakuga.datasets.training_set import Composition

Judge = Literal["row", "face", "CLIP", "caption"]
JUDGES: tuple[Judge, ...] = get_args(Judge)
NEAR_BY = 0.2
"""From this share of the shorter side on a face makes a portrait."""
WORDS: dict[Composition, tuple[str, ...]] = {
    "portrait": ("a portrait of a girl", "a portrait of a boy", "a portrait of a woman", "a portrait of a man", "a close-up of a face"),
    "figure": ("a person standing, full body", "a person walking", "people in the distance", "a character, full body"),
    "landscape": (
        "a landscape", "the sea", "a castle", "mountains", "a meadow", "a cottage in the hills", "a tree", "a boat on a lake",
        "a city street", "a room", "an object",
    ),
}  # fmt: skip
"""What CLIP is asked; a picture is of what the nearest of all texts is of."""
_CLOSE = re.compile(r"\b(?:portraits?|close-?ups?|headshots?|selfies?)\b", re.IGNORECASE)
_SOMEBODY = re.compile(
    r"\b(?:girls?|boys?|wom[ae]n|m[ae]n|persons?|people|figures?|child(?:ren)?|travell?ers?|wanderers?|hikers?|someone|knights?|"
    r"characters?|warriors?|princess(?:es)?|kings?|queens?|1girl|1boy|lady|ladies|kids?|samurai|dancers?|full.body)\b",
    re.IGNORECASE,
)


def by_face(faces: Sequence[Box], width: int, height: int) -> Composition | None:
    """Tell by the largest face: near by it is a portrait, far away a figure; None without one."""
    if not faces:
        return None
    largest = max(face.bottom - face.top for face in faces)
    return "portrait" if largest >= NEAR_BY * min(width, height) else "figure"


def by_caption(text: str) -> Composition | None:
    """Tell by words for a close view or for somebody; None where there are neither, as captions leave much unsaid.

    >>> by_caption("a portrait of a girl"), by_caption("a traveller by the sea"), by_caption("the sea")
    ('portrait', 'figure', None)
    """
    return "portrait" if _CLOSE.search(text) else "figure" if _SOMEBODY.search(text) else None


def by_clip(pictures: NDArray[np.float32], texts: NDArray[np.float32], kinds: Sequence[Composition]) -> list[Composition]:
    """Give each picture, (pictures, channels), the kind of the nearest text, (texts, channels) (Radford et al. 2021, section 3.1.2)."""
    unit_pictures, unit_texts = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (pictures, texts))
    return [kinds[int(place)] for place in (unit_pictures @ unit_texts.T).argmax(axis=1)]


def settled(
    row: Composition | None, face: Composition | None, clip: Composition | None, caption: Composition | None
) -> tuple[Composition, Judge] | None:
    """Choose among what was told: a row is right; a face counts where CLIP or the caption sees somebody too, as rocks have faces now and
    then; a caption that speaks of somebody puts them into what CLIP takes for a landscape. None where nothing was told.
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
