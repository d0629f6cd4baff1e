"""Where chance comes from: one generator per seed, on the CPU, so that every machine draws the same numbers."""

from collections.abc import Iterator, Sequence
from math import ceil, cos, floor, pi, sin, sqrt

import torch
from torch import Tensor

from sakuga.diffusion.interpolation import blend, slerp


def seeded(shape: Sequence[int], seed: int) -> Iterator[Tensor]:
    """Yield standard normal tensors (float32) of one generator without end.

    The first is the noise that a drawing starts from; samplers that add noise again on their way take the next ones.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    while True:
        yield torch.randn(tuple(shape), generator=generator)


def slerped(first: Iterator[Tensor], second: Iterator[Tensor], at: float) -> Iterator[Tensor]:
    """Interpolate two sources of noise, draw by draw."""
    for one, other in zip(first, second, strict=False):
        yield slerp(one, other, at)


def walked(shape: Sequence[int], seed: int, at: float) -> Iterator[Tensor]:
    """Stand at the place `at` on the path through the noises of `seed`, `seed + 1`, `seed + 2`, ...: one seed per unit."""
    whole = floor(at)
    return slerped(seeded(shape, seed + whole), seeded(shape, seed + whole + 1), at - whole)


def shifted(shape: Sequence[int], seed: int, at: float, share: float) -> Iterator[Tensor]:
    """Stand at the place `at` of a drift: from the noise of `seed`, each unit blends in `share` of the next seed's and carries on.

    Within a unit the share grows evenly from 0, so that the drift is continuous.
    """
    sources = [seeded(shape, seed + unit) for unit in range(ceil(at) + 1)]
    shares = [share] * floor(at) + [share * (at - floor(at))]
    while True:
        noise, *later = (next(source) for source in sources)
        for new, mixed in zip(later, shares, strict=False):
            noise = blend(noise, new, mixed)
        yield noise


def ringed(first: Iterator[Tensor], second: Iterator[Tensor], third: Iterator[Tensor], at: float) -> Iterator[Tensor]:
    """Stand at the place `at` on a circle through `first` (0.0 and 1.0) and `second` (0.5), by way of `third`.

    Their middle + half their difference times cos + `third` / sqrt(2) times sin: the squares of the three weights add up to 1 all
    around, so every place is standard normal again; and the speed is even.
    """
    angle = 2 * pi * at
    weights = ((1 + cos(angle)) / 2, (1 - cos(angle)) / 2, sin(angle) / sqrt(2))
    for parts in zip(first, second, third, strict=False):
        mixed = sum(weight * part.double() for weight, part in zip(weights, parts, strict=True))
        yield torch.as_tensor(mixed).to(parts[0].dtype)
