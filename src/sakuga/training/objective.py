"""One batch: what hides it, what is asked, and how wrong the answer is."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler
from torch import Tensor

from sakuga.diffusion.objective import min_snr_weights, wanted
from sakuga.diffusion.velocity import noised
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.loading import quiet
from sakuga.training.plan import Plan
from sakuga.training.step_random import Chance
from sakuga.training.training_data import Course

LEAST_WEIGHT = 0.1
"""Of a sample where the schedule ends in pure noise: there min-SNR alone would be 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Clean latents, what hides them, and their words: everything about a batch that chance decides."""

    clean: Tensor  # (n, channels, h, w)
    noise: Tensor
    timesteps: Tensor  # (n,)
    captions: tuple[str, ...]
    origins: Tensor  # (n, 4)
    """Of each picture its height and width, and how far from its top and left it is cut."""

    def part(self, first: int, last: int) -> "Question":
        """Return some of its rows."""
        rows = slice(first, last)
        return Question(
            clean=self.clean[rows], noise=self.noise[rows], timesteps=self.timesteps[rows], captions=self.captions[rows],
            origins=self.origins[rows],
        )  # fmt: skip


class Objective:
    """The noise schedule of a checkpoint, and what its network predicts."""

    def __init__(self, checkpoint: Checkpoint, plan: Plan) -> None:
        self.checkpoint, self.plan = checkpoint, plan
        with quiet():
            schedule: Any = DDIMScheduler.from_config(checkpoint.schedule)
        self.signal: Tensor = schedule.alphas_cumprod.to(checkpoint.device)
        self.prediction = checkpoint.facts.prediction

    def ask(self, course: Course, place: int) -> Question:
        """Return a batch of a course; all of its chance comes from the seed and the place."""
        chosen, count = course.batch_at(place), course.batch
        chance = Chance(seed=course.seed, seen=place * count)
        rng, generator = chance.rng(), chance.noise()
        mirrored = rng.random(count) < (0.5 if self.plan.flip else 0.0)
        silent = rng.random(count) < self.plan.caption_dropout
        spread = (np.arange(count) + rng.random(count)) / count
        clean = course.latents.clean(chosen, mirrored.tolist(), generator)
        noise = torch.randn(clean.shape, generator=generator)
        if self.plan.noise_offset:
            noise = noise + self.plan.noise_offset * torch.randn((*clean.shape[:2], 1, 1), generator=generator)
        timesteps = torch.from_numpy((spread * len(self.signal)).astype(np.int64))
        captions = tuple("" if dropped else course.latents.lessons[index].text for index, dropped in zip(chosen, silent, strict=True))
        origins = course.latents.origins(chosen, mirrored.tolist()).to(clean.device)
        return Question(clean=clean, noise=noise.to(clean), timesteps=timesteps.to(clean.device), captions=captions, origins=origins)

    def answer(self, asked: Question, told: Tensor) -> Tensor:
        """Return what the UNet predicts of hidden latents."""
        shown = noised(asked.clean, asked.noise, self._signal(asked)).to(self.checkpoint.dtype)
        answer: Tensor = self.checkpoint.ask(self.checkpoint.unet, shown, asked.timesteps, told.to(shown.dtype), asked.origins)[0]
        return answer.float()

    def errors(self, asked: Question, told: Tensor, right: Tensor | None = None) -> Tensor:
        """Return the squared error of each sample, (n,), each noise level counting the same; `right` is the true answer unless given."""
        if right is None:
            right = wanted(self.prediction, asked.clean, asked.noise, self._signal(asked))
        return (self.answer(asked, told) - right).square().mean(dim=(1, 2, 3))

    def _signal(self, asked: Question) -> Tensor:
        return self.signal[asked.timesteps].view(-1, 1, 1, 1)

    def loss(self, asked: Question, told: Tensor, right: Tensor | None = None) -> Tensor:
        """Return the sum over the samples of what is minimised."""
        errors = self.errors(asked, told, right)
        if self.plan.min_snr is None:
            return errors.sum()
        least = LEAST_WEIGHT if self.prediction == "v_prediction" else 0.0
        return (errors * min_snr_weights(self.signal[asked.timesteps], self.plan.min_snr, self.prediction, least)).sum()
