"""Classifier-free guidance and its corrections."""

from collections.abc import Sequence

import torch
from torch import Tensor


def apply_guidance(unconditional: Tensor, conditional: Tensor, scale: float | Tensor) -> Tensor:
    """Apply classifier-free guidance (Ho and Salimans 2022, equation 6).

    `scale` is that of Imagen and diffusers: 1.0 is the conditional prediction itself.
    """
    return unconditional + scale * (conditional - unconditional)


def rescale_guidance(prediction: Tensor, conditional: Tensor, phi: float) -> Tensor:
    """Rescale a guided prediction to the conditional one's deviation.

    Lin et al. 2023, equations 15 and 16. Both are (frames, channels, height, width); each frame is rescaled alone. phi 0.0 changes nothing,
    1.0 restores the deviation fully. Models with zero terminal SNR over-saturate without it; the paper uses 0.7 (section 3.4).
    """
    if phi == 0.0:
        return prediction
    inner = tuple(range(1, prediction.ndim))
    ratio = conditional.std(dim=inner, keepdim=True) / prediction.std(dim=inner, keepdim=True)
    return prediction * (phi * ratio + (1 - phi))


def steer_embedding(embedding: Tensor, good: Tensor, bad: Tensor, *, positive: float, negative: float, repeats: int) -> Tensor:
    """Steer an embedding towards good texts and away from bad ones.

    This is gradient descent with step size 1, in closed form. The loss is negative * mean cos(e, bad) - positive * mean cos(e, good): the
    cosine loss in CLIP's space of Patashnik et al. 2021, section 4, of the embedding itself. The gradient of cos(e, m), |m| = 1, is (m -
    (m.u) u) / |e| with u = e / |e|. `embedding` is (..., channels), `good` and `bad` are (texts, channels) of which only the directions
    matter. Scales of 0 change nothing.
    """
    steer_embedding, target = embedding, positive * _mean_direction(good) - negative * _mean_direction(bad)
    for _ in range(repeats):
        length = steer_embedding.norm(dim=-1, keepdim=True)
        unit = steer_embedding / length
        steer_embedding = steer_embedding + (target - (unit @ target)[..., None] * unit) / length
    return steer_embedding


def _mean_direction(texts: Tensor) -> Tensor:
    """Return the mean of unit vectors, (channels,); zeros for none."""
    return torch.nn.functional.normalize(texts, dim=-1).sum(dim=0) / max(1, len(texts))


def compose_predictions(unconditional: Tensor, conditionals: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Return the prediction of composed prompts (Liu et al. 2022, equation 11).

    e + sum of w (e_i - e). `weights` is (parts, frames), all others (frames, channels, h, w).
    """
    shares = weights[:, :, None, None, None]
    steps = [share * (one - unconditional) for share, one in zip(shares, conditionals, strict=True)]
    return unconditional + torch.stack(steps).sum(dim=0)


def compose_unguided(conditionals: Sequence[Tensor], weights: Tensor) -> Tensor:
    """Return the mean prediction of composed prompts without guidance, by weights that add up to 1 for each frame."""
    shares = (weights / weights.sum(dim=0))[:, :, None, None, None]
    return torch.stack([share * one for share, one in zip(shares, conditionals, strict=True)]).sum(dim=0)
