"""Interpolation between two tensors."""

import math

import torch
from torch import Tensor

PARALLEL = 0.9995
"""Above this |cosine| the arc is too flat to divide by its sine."""


def slerp(first: Tensor, second: Tensor, at: float) -> Tensor:
    """Interpolate spherically between two tensors as flat vectors (Shoemake 1985, section 3.3).

    `at` 0.0 gives `first` and 1.0 gives `second`, to the bit. Nearly parallel vectors are interpolated linearly.
    """
    if at in (0.0, 1.0):
        return second if at else first
    cosine = torch.dot(_direction(first), _direction(second))
    if cosine.abs() > PARALLEL:
        return torch.lerp(first, second, at)
    angle = torch.arccos(cosine)
    weights = (torch.sin((1 - at) * angle) / torch.sin(angle), torch.sin(at * angle) / torch.sin(angle))
    return (weights[0] * first.double() + weights[1] * second.double()).to(first.dtype)


def blend_noise(first: Tensor, second: Tensor, share: float) -> Tensor:
    """Mix a share of one noise into another.

    The weights' squares add up to 1, so the variance stays 1.
    """
    return ((1 - share) * first + share * second) / math.hypot(1 - share, share)


def _direction(tensor: Tensor) -> Tensor:
    flat = tensor.flatten().double()
    return torch.nn.functional.normalize(flat, dim=0)
