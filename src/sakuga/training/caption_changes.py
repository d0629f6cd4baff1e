"""Changes of a caption at each use: tags shuffled and left out."""

from dataclasses import dataclass

import numpy as np

from sakuga.training.plan import TrainingPlan

SEPARATOR = ","


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionChanges:
    """How tags, a caption's parts between commas, are changed."""

    shuffle: bool = False
    keep: int = 0
    """First tags that stay as they are."""
    dropout: float = 0.0
    """Share of the other tags that are left out."""

    @property
    def active(self) -> bool:
        """Whether captions differ from use to use."""
        return self.shuffle or self.dropout > 0

    def apply(self, caption: str, rng: np.random.Generator) -> str:
        """Return the caption for one use.

        >>> CaptionChanges(shuffle=True, keep=1).apply("ink, a, b, c", np.random.default_rng(1))
        'ink, b, a, c'
        """
        tags = [tag.strip() for tag in caption.split(SEPARATOR) if tag.strip()]
        first, others = tags[: self.keep], tags[self.keep :]
        stay = rng.random(len(others)) >= self.dropout
        left = [tag for tag, kept in zip(others, stay, strict=True) if kept]
        order = rng.permutation(len(left)) if self.shuffle else np.arange(len(left))
        return ", ".join([*first, *(left[place] for place in order)])


def caption_changes(plan: TrainingPlan) -> CaptionChanges:
    """Return what a plan does to captions."""
    return CaptionChanges(shuffle=plan.shuffle_tags, keep=plan.keep_tags, dropout=plan.tag_dropout)
