"""Consistency models: every point of a way from noise to a picture tells the picture at its end."""

import torch
from torch import Tensor

DATA_DEVIATION = 0.5
TIMESTEP_SCALE = 10.0
"""Both as in Luo et al. 2023 and in the `lcm` sampler, which must agree with the training."""


def clean_of(noisy: Tensor, velocity: Tensor, signal: Tensor) -> Tensor:
    """Return the clean latents that a predicted v implies (Salimans and Ho 2022, appendix D); `signal` is alpha squared."""
    return signal.sqrt() * noisy - (1 - signal).sqrt() * velocity


def noise_of(noisy: Tensor, velocity: Tensor, signal: Tensor) -> Tensor:
    """Return the noise that a predicted v implies; also where nothing of the signal is left."""
    return (1 - signal).sqrt() * noisy + signal.sqrt() * velocity


def noised(clean: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """Return latents at a noise level (Ho et al. 2020, equation 4); of predictions this is a step of DDIM (Song et al. 2021, eq. 12)."""
    return signal.sqrt() * clean + (1 - signal).sqrt() * noise


def consistent(noisy: Tensor, clean: Tensor, timesteps: Tensor) -> Tensor:
    """Return a consistency model's answer: almost its clean prediction, and at timestep 0 what it was given (Luo et al. 2023, eq. 9)."""
    scaled = (timesteps * TIMESTEP_SCALE).view(-1, *[1] * (noisy.ndim - 1))
    kept = DATA_DEVIATION**2 / (scaled**2 + DATA_DEVIATION**2)
    made = scaled / (scaled**2 + DATA_DEVIATION**2).sqrt()
    return kept * noisy + made * clean


def pseudo_huber(made: Tensor, wanted: Tensor, width: float) -> Tensor:
    """Return the pseudo-Huber distance of each sample, (n,): squared below `width`, linear above (Song and Dhariwal 2024, section 3.3)."""
    squared = (made - wanted).square().flatten(1)
    return (torch.sqrt(squared + width**2) - width).mean(dim=1)
