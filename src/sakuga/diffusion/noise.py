"""Noise from seeds: one CPU generator per seed.

So every machine has the same numbers.
"""

from collections.abc import Iterator, Sequence
from math import ceil, cos, floor, pi, sin, sqrt

import torch
from torch import Tensor
from torch.nn import functional

from sakuga.diffusion.interpolation import blend_noise, slerp


def seeded_noise(shape: Sequence[int], seed: int) -> Iterator[Tensor]:
    """Yield standard normal tensors (float32) of one generator without end.

    The first is the initial noise; stochastic samplers take the next ones.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    while True:
        yield torch.randn(tuple(shape), generator=generator)


def slerp_noise(first: Iterator[Tensor], second: Iterator[Tensor], at: float) -> Iterator[Tensor]:
    """Slerp two sources of noise, tensor by tensor."""
    for one, other in zip(first, second, strict=False):
        yield slerp(one, other, at)


def noise_walk(shape: Sequence[int], seed: int, at: float) -> Iterator[Tensor]:
    """Yield noise at a point of an endless slerp.

    It goes through the noises of `seed`, `seed + 1`, ...: one seed per unit.
    """
    whole = floor(at)
    return slerp_noise(seeded_noise(shape, seed + whole), seeded_noise(shape, seed + whole + 1), at - whole)


def noise_drift(shape: Sequence[int], seed: int, at: float, share: float) -> Iterator[Tensor]:
    """Yield noise at a point of an endless drift.

    Each unit blends in `share` of the next seed's noise. Within a unit the share grows linearly from 0, so the drift is continuous.
    """
    yield from noise_path(shape, range(seed, seed + ceil(at) + 1), at, share)


def noise_path(shape: Sequence[int], seeds: Sequence[int], at: float, share: float) -> Iterator[Tensor]:
    """Yield noise at a point of a drift through the noises of some seeds.

    Each unit blends in `share` of the next one; there are more than `at` seeds.
    """
    sources = [seeded_noise(shape, seed) for seed in seeds[: ceil(at) + 1]]
    shares = [share] * floor(at) + [share * (at - floor(at))]
    while True:
        noise, *later = (next(source) for source in sources)
        for new, mixed in zip(later, shares, strict=False):
            noise = blend_noise(noise, new, mixed)
        yield noise


def noise_loop(first: Iterator[Tensor], second: Iterator[Tensor], third: Iterator[Tensor], at: float) -> Iterator[Tensor]:
    """Yield noise at a point of a circle.

    It is `first` at 0.0 and 1.0, `second` at 0.5, and passes `third`. Midpoint + half the difference times cos + `third` / sqrt(2) times
    sin: the squared weights add up to 1 everywhere, so every point is standard normal, and the speed is constant.
    """
    angle = 2 * pi * at
    weights = ((1 + cos(angle)) / 2, (1 - cos(angle)) / 2, sin(angle) / sqrt(2))
    for parts in zip(first, second, third, strict=False):
        mixed = sum(weight * part.double() for weight, part in zip(weights, parts, strict=True))
        yield torch.as_tensor(mixed).to(parts[0].dtype)


def multires_noise(noise: Tensor, levels: int, discount: float, generator: torch.Generator) -> Tensor:
    """Add coarser noise to noise, (n, channels, h, w), and scale each sample back to a deviation of 1.

    Each of `levels` has half the side of that before and `discount` times its strength (pyramid noise, as kohya's trainer has it).
    """
    mixed, (height, width) = noise, noise.shape[2:]
    for level in range(1, levels + 1):
        size = (max(1, height >> level), max(1, width >> level))
        coarse = torch.randn((*noise.shape[:2], *size), generator=generator)
        mixed = mixed + discount**level * functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
        if max(size) == 1:
            break
    return mixed / mixed.std(dim=(1, 2, 3), keepdim=True)
