"""Smoothing of a clip over time while it is sampled.

Temporal attention that has seen few clips leaves what alternates from frame to frame: detail that boils, and a tint that wavers.
"""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

TINT_PASSES = 16
"""How often mean colors are smoothed: a Gaussian of 2.8 frames, so that light still changes within a clip."""


def smooth_over_time(frames: Tensor, amount: float, *, closed: bool = False) -> Tensor:
    """Blend each frame with its neighbours; `frames` is (clips, frames, ...).

    At 1.0 the weights are 1/4, 1/2, 1/4, and nothing alternates from frame to frame any more; 0.0 changes nothing. Beyond its ends a clip
    stands still, or goes round if it is `closed`.

    >>> smooth_over_time(torch.tensor([[0.0, 4.0, 0.0, 4.0]]), 1.0, closed=True)
    tensor([[2., 2., 2., 2.]])
    """
    before, after = frames.roll(1, dims=1), frames.roll(-1, dims=1)
    if not closed:
        before[:, 0], after[:, -1] = frames[:, 0], frames[:, -1]
    return torch.lerp(frames, (before + 2 * frames + after) / 4, amount)


def smooth_tint(frames: Tensor, *, given: Collection[int] = (), closed: bool = False) -> Tensor:
    """Let the mean of each channel change slowly; `frames` is (clips, frames, channels, height, width).

    Means go through those of `given` frames, so that a clip has the tint of what it goes on from.
    """
    means = smoothed = frames.mean(dim=(-2, -1), keepdim=True)
    for _ in range(TINT_PASSES):
        smoothed = smooth_over_time(smoothed, 1.0, closed=closed)
    if given:
        smoothed = smoothed + _between(means - smoothed, sorted(given))
    return frames + (smoothed - means)


def _between(values: Tensor, places: Sequence[int]) -> Tensor:
    """Interpolate between the frames at some places, and go on as the outer ones beyond."""

    def at(frame: int) -> Tensor:
        left = max((place for place in places if place <= frame), default=places[0])
        right = min((place for place in places if place >= frame), default=places[-1])
        return torch.lerp(values[:, left], values[:, right], (frame - left) / max(1, right - left))

    return torch.stack([at(frame) for frame in range(values.shape[1])], dim=1)
