"""The loss on pictures held out, always at the same noise levels and with the same noise: a curve that can be compared."""

from collections.abc import Sequence

import torch

from sakuga.diffusion.noise import seeded
from sakuga.training.method import Learner
from sakuga.training.objective import Objective, Question
from sakuga.training.training_data import Latents

LEVELS = 4
"""Noise levels at which each picture is asked for, spread evenly over the schedule."""
MOST = 32
"""Pictures, at most."""


class Validation:
    """Held-out lessons with their noise."""

    def __init__(self, latents: Latents, objective: Objective, batch: int) -> None:
        self.latents, self.objective, self.batch = latents, objective, batch

    def groups(self) -> Sequence[list[int]]:
        """Return the numbers of the lessons in batches of one shape."""
        by_shape: dict[tuple[int, int], list[int]] = {}
        for index, lesson in enumerate(self.latents.lessons[:MOST]):
            by_shape.setdefault(lesson.bucket, []).append(index)
        return [group[first : first + self.batch] for group in by_shape.values() for first in range(0, len(group), self.batch)]

    @torch.no_grad()
    def loss(self, learner: Learner) -> float:
        """Return the mean squared error over pictures and noise levels, unweighted."""
        sums, count = 0.0, 0
        for group in self.groups():
            for level in range(LEVELS):
                asked = self._question(group, level)
                errors = self.objective.errors(asked, learner.told(asked.captions))
                sums += float(errors.double().sum())
                count += len(group)
        return sums / count

    def _question(self, group: Sequence[int], level: int) -> Question:
        drawn = torch.Generator().manual_seed(level)
        clean = self.latents.clean(group, [False] * len(group), drawn)
        noise = torch.stack([next(seeded(clean.shape[1:], LEVELS * index + level)) for index in group]).to(clean)
        timestep = int((level + 0.5) / LEVELS * len(self.objective.signal))
        captions = tuple(self.latents.lessons[index].text for index in group)
        return Question(
            clean=clean, noise=noise, timesteps=torch.full((len(group),), timestep, device=clean.device), captions=captions,
            origins=self.latents.origins(group, [False] * len(group)).to(clean.device),
        )  # fmt: skip
