"""Training batches and the denoising loss."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sakuga.diffusion.objective import min_snr_weights, training_target
from sakuga.diffusion.velocity import add_noise
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.sampling import noise_schedule
from sakuga.training.plan import TrainingPlan
from sakuga.training.step_random import StepRandom
from sakuga.training.training_data import BatchStream

MIN_WEIGHT = 0.1
"""Loss weight where the schedule ends in pure noise; min-SNR alone would give 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBatch:
    """Clean latents with their noise, timesteps and captions."""

    clean: Tensor  # (n, channels, h, w)
    noise: Tensor
    timesteps: Tensor  # (n,)
    captions: tuple[str, ...]
    origins: Tensor  # (n, 4)
    """Height and width of each image, and top and left of its crop."""

    def part(self, first: int, last: int) -> "TrainingBatch":
        """Return some of its rows."""
        rows = slice(first, last)
        return TrainingBatch(
            clean=self.clean[rows], noise=self.noise[rows], timesteps=self.timesteps[rows], captions=self.captions[rows],
            origins=self.origins[rows],
        )  # fmt: skip


class Objective:
    """A checkpoint's noise schedule and its denoising loss."""

    def __init__(self, checkpoint: Checkpoint, plan: TrainingPlan) -> None:
        self.checkpoint, self.plan = checkpoint, plan
        self.signal = noise_schedule(checkpoint)
        self.prediction = checkpoint.info.prediction_type

    def make_batch(self, stream: BatchStream, position: int) -> TrainingBatch:
        """Build the batch at a position of a stream.

        Its randomness comes from seed and position.
        """
        chosen, count = stream.batch_at(position), stream.batch
        random = StepRandom(seed=stream.seed, samples_seen=position * count)
        rng, generator = random.rng(), random.noise()
        mirrored = rng.random(count) < (0.5 if self.plan.flip else 0.0)
        dropped = rng.random(count) < self.plan.caption_dropout
        spread = (np.arange(count) + rng.random(count)) / count
        clean = stream.encoded.clean(chosen, mirrored.tolist(), generator)
        noise = torch.randn(clean.shape, generator=generator)
        if self.plan.noise_offset:
            noise = noise + self.plan.noise_offset * torch.randn((*clean.shape[:2], 1, 1), generator=generator)
        timesteps = torch.from_numpy((spread * len(self.signal)).astype(np.int64))
        captions = tuple("" if empty else stream.encoded.examples[index].text for index, empty in zip(chosen, dropped, strict=True))
        origins = stream.encoded.crop_origins(chosen, mirrored.tolist()).to(clean.device)
        return TrainingBatch(clean=clean, noise=noise.to(clean), timesteps=timesteps.to(clean.device), captions=captions, origins=origins)

    def predict(self, batch: TrainingBatch, prompt_embeds: Tensor) -> Tensor:
        """Return what the UNet predicts from the noisy latents."""
        noisy = add_noise(batch.clean, batch.noise, self._signal(batch)).to(self.checkpoint.dtype)
        embeds = prompt_embeds.to(noisy.dtype)
        return self.checkpoint.forward(noisy, batch.timesteps, embeds, batch.origins).float()

    def errors(self, batch: TrainingBatch, prompt_embeds: Tensor, target: Tensor | None = None) -> Tensor:
        """Return the unweighted squared error of each sample, (n,).

        The target is what the checkpoint predicts of latents and noise (noise, velocity or sample), unless given.
        """
        if target is None:
            target = training_target(self.prediction, batch.clean, batch.noise, self._signal(batch))
        return (self.predict(batch, prompt_embeds) - target).square().mean(dim=(1, 2, 3))

    def _signal(self, batch: TrainingBatch) -> Tensor:
        return self.signal[batch.timesteps].view(-1, 1, 1, 1)

    def loss(self, batch: TrainingBatch, prompt_embeds: Tensor, target: Tensor | None = None) -> Tensor:
        """Return the sum of the samples' weighted errors.

        Weighted by min-SNR (Hang et al. 2023).
        """
        errors = self.errors(batch, prompt_embeds, target)
        if self.plan.min_snr_gamma is None:
            return errors.sum()
        least = MIN_WEIGHT if self.prediction == "v_prediction" else 0.0
        return (errors * min_snr_weights(self.signal[batch.timesteps], self.plan.min_snr_gamma, self.prediction, least)).sum()
