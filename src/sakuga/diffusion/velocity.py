"""Conversions between v, noise and clean latents, and losses on them."""

import torch
from torch import Tensor


def predict_clean(noisy: Tensor, velocity: Tensor, signal: Tensor) -> Tensor:
    """Convert a predicted v to clean latents.

    Salimans and Ho 2022, appendix D; `signal` is alpha squared.
    """
    return signal.sqrt() * noisy - (1 - signal).sqrt() * velocity


def predict_noise(noisy: Tensor, velocity: Tensor, signal: Tensor) -> Tensor:
    """Convert a predicted v to noise; `signal` may be 0."""
    return (1 - signal).sqrt() * noisy + signal.sqrt() * velocity


def add_noise(clean: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """Return noisy latents (Ho et al. 2020, equation 4).

    With predictions as inputs it is a DDIM step (Song et al. 2021, equation 12).
    """
    return signal.sqrt() * clean + (1 - signal).sqrt() * noise


def pseudo_huber(prediction: Tensor, target: Tensor, width: float, weights: Tensor | float = 1.0) -> Tensor:
    """Return each sample's pseudo-Huber loss, (n,).

    It is squared below `width` and linear above (Song and Dhariwal 2024, section 3.3). `weights` broadcasts over the samples.
    """
    squared = (prediction - target).square()
    return ((torch.sqrt(squared + width**2) - width) * weights).flatten(1).mean(dim=1)
