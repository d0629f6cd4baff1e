"""Evaluate the small expressions of a FrameSpec: what it shows, and where its noise comes from."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from sakuga.diffusion.guidance import steered
from sakuga.diffusion.interpolation import slerp
from sakuga.diffusion.noise import ringed, seeded, shifted, slerped, walked
from sakuga.models.checkpoint import Checkpoint
from sakuga.timeline.spec import Conditioning, Digest, Guided, Image, Mix, Noise, Nothing, Ring, Seeded, Shift, Slerp, Text, Walk


def embedding(checkpoint: Checkpoint, conditioning: Conditioning, picture: Callable[[Digest], np.ndarray]) -> Tensor:
    """Turn a conditioning into (1, rows, channels), as `Checkpoint.encode_text` lays them out.

    The one token of a picture is repeated to a prompt's length: attention over equal tokens is attention over one,
    and so words and pictures can be mixed and share a batch.
    """
    match conditioning:
        case Text(prompt=prompt):
            return checkpoint.encode_text([prompt])
        case Image(frame=frame, fit=fit):
            return checkpoint.image_embedding(picture(frame), fit).expand(1, checkpoint.facts.rows, -1)
        case Mix(first=first, second=second, at=at, way="slerp"):
            return _slerped(checkpoint, embedding(checkpoint, first, picture), embedding(checkpoint, second, picture), at)
        case Mix(first=first, second=second, at=at):
            return torch.lerp(embedding(checkpoint, first, picture), embedding(checkpoint, second, picture), at)
        case Guided():
            good, bad = (checkpoint.text_directions(texts) for texts in (conditioning.good, conditioning.bad))
            seen, positive, negative = embedding(checkpoint, conditioning.base, picture), conditioning.positive, conditioning.negative
            return steered(seen, good, bad, positive=positive, negative=negative, repeats=conditioning.repeats)
        case Nothing():
            return checkpoint.nothing()


def led_away(checkpoint: Checkpoint, negative: Conditioning, picture: Callable[[Digest], np.ndarray]) -> Tensor:
    """Turn what a drawing is led away from into (1, rows, channels): for a silent checkpoint, where nothing is said, into zeros."""
    if checkpoint.facts.silent and negative == Text(prompt=""):
        return checkpoint.nothing()
    return embedding(checkpoint, negative, picture)


def _slerped(checkpoint: Checkpoint, first: Tensor, second: Tensor, at: float) -> Tensor:
    """Go along the great circle between words, and along another between pooled texts, whose lengths are not those of words."""
    pairs = zip(checkpoint.parts(first), checkpoint.parts(second), strict=True)
    return torch.cat([slerp(here, there, at) for here, there in pairs], dim=1)


def draws(noise: Noise, shape: Sequence[int], attempt: int = 0) -> Iterator[Tensor]:
    """Yield the draws of a noise expression, each of `shape`, float32 on the CPU; attempt n takes the n-th next seed throughout."""
    match noise:
        case Seeded(seed=seed):
            return seeded(shape, seed + attempt)
        case Walk(seed=seed, at=at):
            return walked(shape, seed + attempt, at)
        case Shift(seed=seed, at=at, share=share):
            return shifted(shape, seed + attempt, at, share)
        case Slerp(first=first, second=second, at=at):
            return slerped(draws(first, shape, attempt), draws(second, shape, attempt), at)
        case Ring(first=first, second=second, third=third, at=at):
            return ringed(draws(first, shape, attempt), draws(second, shape, attempt), draws(third, shape, attempt), at)


def stacked(rows: Sequence[Iterator[Tensor]]) -> Iterator[Tensor]:
    """Draw from several sources side by side: (rows, ...)."""
    while True:
        yield torch.stack([next(row) for row in rows])
