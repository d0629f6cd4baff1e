"""The validation loss.

Held-out images at fixed timesteps with fixed noise.
"""

from collections.abc import Sequence

import torch

from sakuga.diffusion.noise import seeded_noise
from sakuga.training.method import TrainingMethod
from sakuga.training.objective import Objective, TrainingBatch
from sakuga.training.training_data import EncodedExamples

TIMESTEPS = 4
"""Timesteps of each image, spread evenly over the schedule."""
MAX_IMAGES = 32


class Validation:
    """Held-out examples with their noise, the same at every validation."""

    def __init__(self, encoded: EncodedExamples, objective: Objective, batch: int) -> None:
        self.encoded, self.objective, self.batch = encoded, objective, batch

    def groups(self) -> Sequence[list[int]]:
        """Return example indices in batches of one shape."""
        by_shape: dict[tuple[int, int], list[int]] = {}
        for index, example in enumerate(self.encoded.examples[:MAX_IMAGES]):
            by_shape.setdefault(example.bucket, []).append(index)
        return [group[first : first + self.batch] for group in by_shape.values() for first in range(0, len(group), self.batch)]

    @torch.no_grad()
    def loss(self, method: TrainingMethod) -> float:
        """Return the mean squared error over images and timesteps, unweighted."""
        total, count = 0.0, 0
        for group in self.groups():
            for level in range(TIMESTEPS):
                batch = self._batch(group, level)
                errors = self.objective.errors(batch, method.encode_captions(batch.captions))
                total += float(errors.double().sum())
                count += len(group)
        return total / count

    def _batch(self, group: Sequence[int], level: int) -> TrainingBatch:
        generator = torch.Generator().manual_seed(level)
        unflipped = [False] * len(group)
        clean = self.encoded.clean(group, unflipped, generator)
        noise = torch.stack([next(seeded_noise(clean.shape[1:], TIMESTEPS * index + level)) for index in group]).to(clean)
        timestep = int((level + 0.5) / TIMESTEPS * len(self.objective.signal))
        return TrainingBatch(
            clean=clean, noise=noise, timesteps=torch.full((len(group),), timestep, device=clean.device),
            captions=tuple(self.encoded.examples[index].text for index in group),
            origins=self.encoded.crop_origins(group, unflipped).to(clean.device),
        )  # fmt: skip
