"""What CLIP sees in pictures: how well they fit words, how far a style moved them, how like a set of references they are."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from sakuga.evaluation.figure import Figure, Outcome, Refused, ScoreError, along, mean
from sakuga.evaluation.interval import Values

Embeddings = NDArray[np.float32]
"""(pictures or texts, channels), of any length."""


def clip_score(key: str, pictures: Embeddings, texts: Embeddings, *, groups: Sequence[Hashable] | None = None, note: str = "") -> Figure:
    """Return the mean of 100 times the cosine of each picture and its text (Hessel et al. 2021, without their factor 2.5 and cut at 0).

    One text for each picture, or one for all.
    """
    return mean(key, clip_scores(key, pictures, texts), groups=groups, note=note)


def clip_scores(key: str, pictures: Embeddings, texts: Embeddings) -> Values:
    """Return 100 times the cosine of each picture and its text, (pictures,)."""
    if not len(pictures):
        raise ScoreError(f"{key}: there are no pictures to measure")
    if len(texts) not in (1, len(pictures)):
        raise ScoreError(f"{key}: {len(pictures)} pictures have {len(texts)} texts: give one for each, or one for all")
    scores: Values = 100.0 * (unit(pictures) * unit(texts)).sum(axis=1)
    return scores


def adherence(key: str, frames: Embeddings, texts: Embeddings, *, note: str = "") -> Figure:
    """Return the clip score along a clip, each frame with the prompt it was drawn from: neighbours are not independent."""
    return along(key, clip_scores(key, frames, texts), note=note)


def directional(
    key: str, base: Embeddings, styled: Embeddings, said: Embeddings, said_styled: Embeddings, *, groups: Sequence[Hashable] | None = None
) -> Outcome:
    """Return the cosine of how a picture moved and how its words moved (Gal et al. 2022, equation 3): 1.0 is just as was said.

    Picture i of `base` and of `styled` have the same prompt and seed. Pictures that did not move at all are left out and told in a note.
    """
    if len(base) != len(styled) or {len(said), len(said_styled)} - {1, len(base)}:
        raise ScoreError(f"{key}: {len(base)} pictures cannot be paired with {len(styled)}: draw both from the same prompts and seeds")
    moved, told = unit(styled) - unit(base), np.broadcast_to(unit(said_styled) - unit(said), (len(base), said.shape[1]))
    alive = np.linalg.norm(moved, axis=1) > 1e-6
    if not (np.linalg.norm(told, axis=1) > 1e-6).all():
        return Refused(key=key, reason="both texts say the same", instead="name the style in the second text")
    if not alive.any():
        return Refused(key=key, reason="no picture changed", instead="check that the style is worn and its weight is not 0")
    kept = None if groups is None else [group for group, stays in zip(groups, alive, strict=True) if stays]
    note = f"{int((~alive).sum())} pictures did not change and are left out" if not alive.all() else ""
    return mean(key, (unit(moved[alive]) * unit(told[alive])).sum(axis=1), groups=kept, note=note)


def style_similarity(key: str, pictures: Embeddings, references: Embeddings, *, groups: Sequence[Hashable] | None = None) -> Figure:
    """Return the mean over pictures of their mean cosine to the references, times 100 (CLIP-I of Ruiz et al. 2023).

    What pictures show counts too, so compare a style with its base on the same prompts and seeds (`paired` of `style_similarities`).
    """
    return mean(key, style_similarities(key, pictures, references), groups=groups, note=f"against {len(references)} references")


def style_similarities(key: str, pictures: Embeddings, references: Embeddings) -> Values:
    """Return 100 times the mean cosine of each picture to the references, (pictures,)."""
    if not len(pictures) or not len(references):
        raise ScoreError(f"{key}: {len(pictures)} pictures cannot be compared with {len(references)} references: give some of each")
    scores: Values = 100.0 * unit(pictures) @ unit(references).mean(axis=0)
    return scores


def unit(embeddings: NDArray[np.floating]) -> Values:
    """Return directions of length 1 in double precision."""
    values = np.asarray(embeddings, np.float64)
    directions: Values = values / np.linalg.norm(values, axis=1, keepdims=True)
    return directions
