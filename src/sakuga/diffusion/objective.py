"""What a denoising network is asked for in training, and how much each noise level counts."""

import torch
from torch import Tensor


def wanted(prediction: str, clean: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """Return what a network should predict: "epsilon" (Ho et al. 2020), "v_prediction" (Salimans and Ho 2022, appendix D) or "sample".

    `signal` is alpha squared and has the shape of the others, or one that spreads over them.
    """
    match prediction:
        case "epsilon":
            return noise
        case "v_prediction":
            return signal.sqrt() * noise - (1 - signal).sqrt() * clean
        case "sample":
            return clean
        case _:
            raise ValueError(f"no prediction {prediction!r}: there are epsilon, v_prediction and sample")


def min_snr_weights(signal: Tensor, gamma: float, prediction: str, least: float = 0.0, variance: Tensor | float = 1.0) -> Tensor:
    """Return the weight of each sample's squared error (min-SNR, Hang et al. 2023, section 3.4), given alpha squared.

    `variance` is the data's; where channels differ, (channels,) beside a `signal` of (n, 1), each has the weight of its own ratio of
    signal to noise, as if all had been brought to 1 before. With zero terminal SNR the weight of v is 0 where sampling begins, and those
    steps would never be learnt: none is below `least`.
    """
    ratio = signal / (1 - signal)
    kept = (ratio * variance).clamp(max=gamma) / variance
    match prediction:
        case "epsilon":
            weights = torch.where(ratio > 0, kept / ratio, 1.0)
        case "v_prediction":
            weights = kept / (ratio + 1)
        case _:
            weights = kept
    return weights.clamp(min=least)
