"""What a predicted v implies, and the ways between noise and a picture."""

import torch
from torch import Tensor


def clean_of(noisy: Tensor, velocity: Tensor, signal: Tensor) -> Tensor:
    """Return the clean latents that a predicted v implies (Salimans and Ho 2022, appendix D); `signal` is alpha squared."""
    return signal.sqrt() * noisy - (1 - signal).sqrt() * velocity


def noise_of(noisy: Tensor, velocity: Tensor, signal: Tensor) -> Tensor:
    """Return the noise that a predicted v implies; also where nothing of the signal is left."""
    return (1 - signal).sqrt() * noisy + signal.sqrt() * velocity


def noised(clean: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """Return latents at a noise level (Ho et al. 2020, equation 4); of predictions this is a step of DDIM (Song et al. 2021, eq. 12)."""
    return signal.sqrt() * clean + (1 - signal).sqrt() * noise


def pseudo_huber(made: Tensor, wanted: Tensor, width: float, counts: Tensor | float = 1.0) -> Tensor:
    """Return the pseudo-Huber distance of each sample, (n,): squared below `width`, linear above (Song and Dhariwal 2024, section 3.3).

    `counts`, which spreads over the samples' shape, says how much each part counts.
    """
    squared = (made - wanted).square()
    return ((torch.sqrt(squared + width**2) - width) * counts).flatten(1).mean(dim=1)
