"""A scheduler of diffusers' kind for samplers with two calls a step."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sakuga.diffusion.objective import clean_prediction
from sakuga.diffusion.singlestep import brownian_noise, middle_level, to_middle, towards, whole_step


@dataclass(slots=True, kw_only=True, eq=False)
class SinglestepScheduler:
    """Second-order singlestep DPM-Solver++ with noise, over the noise levels of diffusers' Euler scheduler.

    It has the attributes that `sampling.sample` asks of diffusers' schedulers; its only state is where it is, and the step's first half.
    """

    config: Any
    alphas_cumprod: Tensor
    init_noise_sigma: Any
    sigmas: Tensor  # (2 x steps,): each step's level and its middle one, then 0
    timesteps: Tensor  # (2 x steps - 1,)
    stochastic: bool
    """Whether noise is added in the middle, too: "DPM++ SDE"; else "DPM++ 2S a"."""
    order: int = 2
    _place: int = 0
    _before: tuple[Tensor, Tensor | None] | None = None
    """Latents at the beginning of the step, and the noise added in its middle."""

    @classmethod
    def over(cls, euler: Any, *, stochastic: bool) -> "SinglestepScheduler":
        """Return one over the steps that are set in an Euler scheduler whose last level is 0."""
        levels = [float(sigma) for sigma in euler.sigmas]
        middles = [middle_level(*pair, stochastic=stochastic) for pair in pairwise(levels[:-1])]
        signal = euler.alphas_cumprod.double().cpu().numpy()
        between = torch.as_tensor(np.interp(np.log(middles), np.log((1 - signal) / signal) / 2, np.arange(len(signal))))
        return cls(
            config=euler.config,
            alphas_cumprod=euler.alphas_cumprod,
            init_noise_sigma=euler.init_noise_sigma,
            sigmas=torch.tensor([*(sigma for pair in zip(levels, middles, strict=False) for sigma in pair), *levels[-2:]]),
            timesteps=torch.cat([torch.stack([euler.timesteps[:-1], between.to(euler.timesteps)], dim=1).flatten(), euler.timesteps[-1:]]),
            stochastic=stochastic,
        )

    def set_begin_index(self, begin_index: int) -> None:
        """Begin at a call, counted from 0, that is the first of its step."""
        self._place = begin_index

    def scale_model_input(self, sample: Tensor, timestep: Tensor) -> Tensor:
        """Scale latents to the variance that networks expect."""
        return torch.as_tensor(sample / sqrt(self._sigma**2 + 1))

    def add_noise(self, original_samples: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Add noise of the level at which it is."""
        return original_samples + noise * self._sigma

    def step(self, prediction: Tensor, latents: Tensor, noise: Iterator[Tensor]) -> Tensor:
        """Take half a step, or the last one, by what the networks predict here."""
        clean = self._clean(prediction, latents)
        following = float(self.sigmas[self._place + 1])
        if following == 0:
            moved = towards(latents, clean, self._sigma, 0.0)
        elif self._before is None:
            added = next(noise).to(latents) if self.stochastic else None
            moved, self._before = to_middle(latents, clean, self._sigma, following, added), (latents, added)
        else:
            moved, self._before = self._end(clean, *self._before, next(noise).to(latents)), None
        self._place += 1
        return moved

    def _end(self, clean: Tensor, beginning: Tensor, added: Tensor | None, fresh: Tensor) -> Tensor:
        sigma, middle, following = (float(level) for level in self.sigmas[self._place - 1 : self._place + 2])
        noise = fresh if added is None else brownian_noise(added, fresh, sigma, middle, following)
        return whole_step(beginning, clean, sigma, following, noise)

    @property
    def _sigma(self) -> float:
        return float(self.sigmas[self._place])

    def _clean(self, prediction: Tensor, latents: Tensor) -> Tensor:
        signal = torch.tensor(1 / (1 + self._sigma**2)).to(latents)
        return clean_prediction(self.config.prediction_type, self.scale_model_input(latents, self.timesteps), prediction, signal)
