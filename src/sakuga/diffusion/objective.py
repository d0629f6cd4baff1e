"""Training targets of a denoiser, and loss weights of noise levels."""

import torch
from torch import Tensor


def training_target(prediction_type: str, clean: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """Return the training target of a prediction type.

    "epsilon" (Ho et al. 2020), "v_prediction" (Salimans and Ho 2022, appendix D) or "sample". `signal` is alpha squared, broadcast over the
    others. Raises ValueError for another type.
    """
    match prediction_type:
        case "epsilon":
            return noise
        case "v_prediction":
            return signal.sqrt() * noise - (1 - signal).sqrt() * clean
        case "sample":
            return clean
        case _:
            raise ValueError(f"unknown prediction type {prediction_type!r}: use epsilon, v_prediction or sample")


def min_snr_weights(signal: Tensor, gamma: float, prediction_type: str, least: float = 0.0, variance: Tensor | float = 1.0) -> Tensor:
    """Return the min-SNR weight of each squared error.

    Hang et al. 2023, section 3.4, given alpha squared. `variance` is the data's; with (channels,) and a `signal` of (n, 1), each channel is
    weighted by its own signal-to-noise ratio. With zero terminal SNR the weight of v is 0 at the first sampling steps, which would never be
    trained: no weight is below `least`.
    """
    ratio = signal / (1 - signal)
    clamped = (ratio * variance).clamp(max=gamma) / variance
    match prediction_type:
        case "epsilon":
            weights = torch.where(ratio > 0, clamped / ratio, 1.0)
        case "v_prediction":
            weights = clamped / (ratio + 1)
        case _:
            weights = clamped
    return weights.clamp(min=least)
