"""Ancestral steps of variance-exploding samplers."""

from math import sqrt

from torch import Tensor


def ancestral_levels(sigma: float, following: float) -> tuple[float, float]:
    """Return the noise level that a step to `following` keeps, and the level of the noise that it adds (k-diffusion, eta 1).

    Their squares add up to that of `following`.
    """
    renewed = min(following, sqrt(following**2 * (sigma**2 - following**2) / sigma**2))
    return sqrt(following**2 - renewed**2), renewed


def ancestral_step(latents: Tensor, clean: Tensor, sigma: float, following: float, noise: Tensor | None) -> Tensor:
    """Step from one noise level to the next and renew a part of the noise ("Euler a", k-diffusion's `sample_euler_ancestral`).

    `clean` is the prediction of the clean latents. Without `noise` the step leads to `following` by Euler's rule alone.
    """
    kept, renewed = (following, 0.0) if noise is None else ancestral_levels(sigma, following)
    moved = latents + (latents - clean) / sigma * (kept - sigma)
    return moved if noise is None else moved + noise * renewed
