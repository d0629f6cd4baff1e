"""How much of their prompts images show, by a CLIP."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sakuga.datasets.image_reading import read_image
from sakuga.datasets.training_set import TrainingSet
from sakuga.evaluation.clip_score import Embeddings, style_similarities, unit_vectors
from sakuga.evaluation.confidence import Values
from sakuga.finishing.image import Image

if TYPE_CHECKING:
    from sakuga.models.feature_extractors import ClipModel

READABLE = 0.5
"""The least share of a base model's own images whose prompt a CLIP must recognise."""
REFERENCES = 32
"""Images of a set that generated ones are compared with."""


def recognised(images: Embeddings, texts: Embeddings) -> Values:
    """Return 1 where an image's own prompt fits it best of all prompts, else 0, (n,).

    A style that makes all images less like any text changes nothing of it.
    """
    scores = unit_vectors(images) @ unit_vectors(texts).T
    found: Values = (scores.argmax(axis=1) == np.arange(len(texts))).astype(np.float64)
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipReading:
    """A CLIP, the embeddings of prompts, and those of a set's images."""

    clip: "ClipModel"
    texts: Embeddings
    references: Embeddings

    def shown(self, images: Sequence[Image]) -> Values:
        """Return 1 where an image's own prompt fits it best of all prompts, else 0, (n,)."""
        return recognised(self.clip.embed_images(images), self.texts)

    def likeness(self, images: Sequence[Image]) -> float:
        """Return 100 x the mean cosine of images to those of the set."""
        return round(float(style_similarities("set", self.clip.embed_images(images), self.references).mean()), 2)


def read_by_clip(clip: "ClipModel", prompts: Sequence[str], training_set: TrainingSet) -> ClipReading:
    """Embed prompts, and images spread over a set."""
    examples = training_set.training[:: max(1, len(training_set.training) // REFERENCES)][:REFERENCES]
    references = clip.embed_images([read_image(training_set.path(example)).image for example in examples])
    return ClipReading(clip=clip, texts=clip.embed_texts(prompts), references=references)
