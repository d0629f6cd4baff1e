"""Training targets of a denoiser, and loss weights of noise levels."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sakuga.diffusion.velocity import predict_clean


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


def clean_prediction(prediction_type: str, noisy: Tensor, prediction: Tensor, signal: Tensor) -> Tensor:
    """Return the clean latents that a prediction stands for: the inverse of `training_target`.

    Of "epsilon" nothing is known where `signal`, alpha squared, is 0.
    """
    match prediction_type:
        case "epsilon":
            return (noisy - (1 - signal).sqrt() * prediction) / signal.sqrt()
        case "v_prediction":
            return predict_clean(noisy, prediction, signal)
        case _:
            return prediction


def target_towards(prediction_type: str, clean: Tensor, noisy: Tensor, signal: Tensor) -> Tensor:
    """Return the prediction that leads from noisy to clean latents; `signal`, alpha squared, is below 1."""
    noise = (noisy - signal.sqrt() * clean) / (1 - signal).sqrt()
    return training_target(prediction_type, clean, noise, signal)


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


def debiased_weights(signal: Tensor, prediction_type: str, most: float = 1000.0) -> Tensor:
    """Return the debiased weight of each squared error (Yu et al. 2023), given alpha squared.

    It is the inverse root of the signal-to-noise ratio, which is cut at `most`, and for v the inverse of the ratio plus one.
    """
    ratio = (signal / (1 - signal)).clamp(max=most)
    if prediction_type == "v_prediction":
        return 1 / (ratio + 1)
    return ratio.clamp(min=1 / most).rsqrt()


def pseudo_huber(error: Tensor, c: float) -> Tensor:
    """Return the pseudo-Huber loss of errors (Khrapov et al. 2024).

    Squared far below `c`, 2 c times the absolute error far above.
    """
    square = error.square()
    return 2 * c * square / ((square + c * c).sqrt() + c)


def timestep_shares(uniform: NDArray[np.float64], distribution: str) -> NDArray[np.float64]:
    """Map uniform numbers in 0 to 1 to shares of the noise schedule, by the inverse of a distribution function.

    "logit-normal" favours the middle (Esser et al. 2024, section 3.1), "high-noise" and "low-noise" an end with the density 3 x².
    Raises ValueError for another name.

    >>> timestep_shares(np.array([0.125, 0.5]), "high-noise").tolist()
    [0.5, 0.7937005259840998]
    """
    match distribution:
        case "uniform":
            return uniform
        case "logit-normal":
            inside = torch.from_numpy(np.clip(uniform, 1e-9, 1 - 1e-9))
            shares: NDArray[np.float64] = torch.special.ndtri(inside).sigmoid().numpy()
            return shares
        case "high-noise":
            return np.cbrt(uniform)
        case "low-noise":
            return 1 - np.cbrt(1 - uniform)
        case _:
            raise ValueError(f"unknown distribution {distribution!r}: use uniform, logit-normal, high-noise or low-noise")
