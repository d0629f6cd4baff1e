"""Pulling a prediction towards its prompt."""

import torch
from torch import Tensor


def guided(unconditional: Tensor, conditional: Tensor, scale: float) -> Tensor:
    """Go on past the conditional prediction, away from the unconditional one (Ho and Salimans 2022, equation 6).

    `scale` counts as in Imagen: 1.0 is the conditional prediction itself.
    """
    return unconditional + scale * (conditional - unconditional)


def rescaled(prediction: Tensor, conditional: Tensor, phi: float) -> Tensor:
    """Give a guided prediction back the contrast of the conditional one (Lin et al. 2023, section 3.4, equations 15 and 16).

    Both are (frames, channels, height, width); each frame is measured alone. phi 0.0 changes nothing, 1.0 restores it wholly.
    Models with zero terminal SNR over-saturate without it; the paper uses 0.7.
    """
    if phi == 0.0:
        return prediction
    inner = tuple(range(1, prediction.ndim))
    ratio = conditional.std(dim=inner, keepdim=True) / prediction.std(dim=inner, keepdim=True)
    return prediction * (phi * ratio + (1 - phi))


def steered(embedding: Tensor, good: Tensor, bad: Tensor, *, positive: float, negative: float, repeats: int) -> Tensor:
    """Draw an embedding towards good directions and away from bad ones, by gradient descent with steps of length 1, in closed form.

    The loss is negative * mean cos(e, bad) - positive * mean cos(e, good): the cosine loss in CLIP's space of Patashnik et al. 2021,
    section 4, taken of the embedding itself. The gradient of cos(e, m), |m| = 1, is (m - (m.u) u) / |e| with u = e / |e|. `embedding`
    is (..., channels), `good` and `bad` are (texts, channels) and count by their directions alone. Scales of 0 change nothing.
    """
    steered, target = embedding, positive * _mean_direction(good) - negative * _mean_direction(bad)
    for _ in range(repeats):
        length = steered.norm(dim=-1, keepdim=True)
        unit = steered / length
        steered = steered + (target - (unit @ target)[..., None] * unit) / length
    return steered


def _mean_direction(texts: Tensor) -> Tensor:
    """The mean of unit vectors, (channels,); zeros of none."""
    return torch.nn.functional.normalize(texts, dim=-1).sum(dim=0) / max(1, len(texts))
