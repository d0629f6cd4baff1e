"""CLIP metrics: prompt scores, directional similarity, similarity to references."""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from sakuga.evaluation.confidence import Values
from sakuga.evaluation.metric import Measurement, Metric, MetricError, NotMeasured, along, mean

Embeddings = NDArray[np.float32]
"""(images or texts, channels), of any length."""


def clip_score(key: str, images: Embeddings, texts: Embeddings, *, groups: Sequence[Hashable] | None = None, note: str = "") -> Metric:
    """Return the mean CLIP score.

    100 x cosine of each image and its text.

    One text for each image, or one for all. Hessel et al. 2021, without their factor 2.5 and cut at 0.
    """
    return mean(key, clip_scores(key, images, texts), groups=groups, note=note)


def clip_scores(key: str, images: Embeddings, texts: Embeddings) -> Values:
    """Return each image's CLIP score, (images,).

    100 x cosine of each image and its text.
    """
    if not len(images):
        raise MetricError(f"{key}: there are no images to measure")
    if len(texts) not in (1, len(images)):
        raise MetricError(f"{key}: {len(images)} images have {len(texts)} texts: give one for each, or one for all")
    scores: Values = 100.0 * (unit_vectors(images) * unit_vectors(texts)).sum(axis=1)
    return scores


def prompt_adherence(key: str, frames: Embeddings, texts: Embeddings, *, note: str = "") -> Metric:
    """Return the mean CLIP score along a clip.

    Each frame with its own prompt.
    """
    return along(key, clip_scores(key, frames, texts), note=note)


def directional_similarity(
    key: str, base: Embeddings, styled: Embeddings, texts: Embeddings, styled_texts: Embeddings, *, groups: Sequence[Hashable] | None = None
) -> Measurement:
    """Return the directional CLIP similarity.

    The cosine of image change and text change.

    Image i of `base` and of `styled` have the same prompt and seed. 1.0 means that images changed as the texts did; unchanged images are
    left out, with a note. Gal et al. 2022, equation 3.
    """
    if len(base) != len(styled) or {len(texts), len(styled_texts)} - {1, len(base)}:
        raise MetricError(f"{key}: {len(base)} images cannot be paired with {len(styled)}: generate both from the same prompts and seeds")
    image_change = unit_vectors(styled) - unit_vectors(base)
    text_change = np.broadcast_to(unit_vectors(styled_texts) - unit_vectors(texts), (len(base), texts.shape[1]))
    changed = np.linalg.norm(image_change, axis=1) > 1e-6
    if not (np.linalg.norm(text_change, axis=1) > 1e-6).all():
        return NotMeasured(key=key, reason="both texts are the same", instead="name the style in the second text")
    if not changed.any():
        return NotMeasured(key=key, reason="no image changed", instead="check that the style is applied and its weight is not 0")
    changed_groups = None if groups is None else [group for group, there in zip(groups, changed, strict=True) if there]
    note = f"{int((~changed).sum())} unchanged images are left out" if not changed.all() else ""
    cosines = (unit_vectors(image_change[changed]) * unit_vectors(text_change[changed])).sum(axis=1)
    return mean(key, cosines, groups=changed_groups, note=note)


def style_similarity(key: str, images: Embeddings, references: Embeddings, *, groups: Sequence[Hashable] | None = None) -> Metric:
    """Return CLIP-I to a set of references.

    100 x the mean cosine.

    Ruiz et al. 2023.

    Content counts too, so compare a style with its base on the same prompts and seeds (`paired` of `style_similarities`).
    """
    return mean(key, style_similarities(key, images, references), groups=groups, note=f"against {len(references)} references")


def style_similarities(key: str, images: Embeddings, references: Embeddings) -> Values:
    """Return each image's similarity to the references.

    100 x the mean cosine, (images,).
    """
    if not len(images) or not len(references):
        raise MetricError(f"{key}: {len(images)} images cannot be compared with {len(references)} references: give some of each")
    scores: Values = 100.0 * unit_vectors(images) @ unit_vectors(references).mean(axis=0)
    return scores


def unit_vectors(embeddings: NDArray[np.floating]) -> Values:
    """Normalize rows to length 1, in double precision."""
    values = np.asarray(embeddings, np.float64)
    directions: Values = values / np.linalg.norm(values, axis=1, keepdims=True)
    return directions
