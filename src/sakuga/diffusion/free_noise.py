"""Initial noise of clips longer than a motion model sees (FreeNoise)."""

import torch
from torch import Tensor


def free_noise_order(frames: int, context: int, stride: int, seed: int) -> list[int]:
    """Return which of the first `context` frames' noises each frame has (Qiu et al. 2024, section 3.3).

    Beyond the first `context` frames, every `stride` frames have the noises of those `context` before them, shuffled: distant frames share
    noise, yet no window of frames has a noise twice in the same order.

    >>> free_noise_order(4, 4, 2, seed=0)
    [0, 1, 2, 3]
    """
    generator = torch.Generator().manual_seed(seed)
    order = list(range(min(frames, context)))
    while len(order) < frames:
        before = order[len(order) - context :][:stride]
        order += [before[index] for index in torch.randperm(len(before), generator=generator).tolist()]
    return order[:frames]


def free_noise(noise: Tensor, context: int, stride: int, seed: int) -> Tensor:
    """Arrange a clip's noise, (frames, ...), as `free_noise_order` says."""
    return noise[free_noise_order(len(noise), context, stride, seed)]
