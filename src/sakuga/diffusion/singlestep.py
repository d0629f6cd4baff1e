"""Steps of second-order singlestep DPM-Solver++ that add noise: "DPM++ SDE" and "DPM++ 2S a".

Each calls the denoiser at a noise level and again at a middle one (Lu et al. 2022, algorithm 1, with r = 1/2; k-diffusion's
`sample_dpmpp_sde` and `sample_dpmpp_2s_ancestral`, eta 1).
"""

from math import sqrt

from torch import Tensor

from sakuga.diffusion.ancestral import ancestral_levels


def middle_level(sigma: float, following: float, *, stochastic: bool) -> float:
    """Return the noise level of the second call, the geometric mean; an ancestral step's is that of the levels that it keeps."""
    return sqrt(sigma * (following if stochastic else ancestral_levels(sigma, following)[0]))


def towards(latents: Tensor, clean: Tensor, sigma: float, following: float) -> Tensor:
    """Go from one noise level to another straight towards clean latents, as DDIM does without noise."""
    return latents * (following / sigma) + clean * (1 - following / sigma)


def to_middle(latents: Tensor, clean: Tensor, sigma: float, middle: float, noise: Tensor | None) -> Tensor:
    """Take the first half of a step; `noise` is that of stochastic steps, which renew a part of theirs here, too."""
    kept, renewed = (middle, 0.0) if noise is None else ancestral_levels(sigma, middle)
    moved = towards(latents, clean, sigma, kept)
    return moved if noise is None else moved + noise * renewed


def whole_step(latents: Tensor, clean: Tensor, sigma: float, following: float, noise: Tensor) -> Tensor:
    """Take a step from latents at its beginning by the clean latents that were predicted at its middle."""
    kept, renewed = ancestral_levels(sigma, following)
    return towards(latents, clean, sigma, kept) + noise * renewed


def brownian_noise(first: Tensor, second: Tensor, sigma: float, middle: float, following: float) -> Tensor:
    """Return a Brownian motion's standard normal increment over a step, from those over its halves; its time is the noise level."""
    return (first * sqrt(sigma - middle) + second * sqrt(middle - following)) / sqrt(sigma - following)
