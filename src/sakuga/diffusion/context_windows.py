"""Sliding context windows: long clips from a model that sees few frames.

As AnimateDiff-Evolved and MultiDiffusion (Bar-Tal et al. 2023, equation 5) do: overlapping windows are denoised alone and averaged.
"""

from math import ceil, floor, pi, sin

GOLDEN_RATIO = 0.618033988749895


def context_windows(frames: int, context: int, overlap: int, *, closed: bool = False, step: int = 0) -> list[list[int]]:
    """Return the frames of each window: `context` of them, neighbours sharing at least `overlap`.

    They cover all frames, as few of them as do, evenly spread. In a closed clip there are two or more, which wrap around and turn with
    `step` (any number, such as the timestep): no joint is in the same place twice, nor at a window's end in all of them.

    >>> context_windows(6, 4, 1)
    [[0, 1, 2, 3], [2, 3, 4, 5]]
    >>> context_windows(6, 4, 1, closed=True)
    [[0, 1, 2, 3], [3, 4, 5, 0]]
    """
    if closed:
        context = min(frames, context)
        count = max(2, ceil(frames / max(1, context - overlap)))
        turn = floor(frames * (step * GOLDEN_RATIO % 1))
        starts = [turn + index * frames // count for index in range(count)]
    else:
        count = max(1, ceil((frames - overlap) / (context - overlap)))
        starts = [index * (frames - context) // max(1, count - 1) for index in range(count)]
    return [[(start + offset) % frames for offset in range(min(frames, context))] for start in starts]


def context_weights(context: int) -> list[float]:
    """Return the weight of each frame of a window: high in the middle, low at both ends.

    >>> [round(weight, 2) for weight in context_weights(4)]
    [0.15, 0.85, 0.85, 0.15]
    """
    return [sin(pi * (index + 0.5) / context) ** 2 for index in range(context)]
