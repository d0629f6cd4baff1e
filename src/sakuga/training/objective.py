"""Training batches and the denoising loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sakuga.diffusion.noise import multires_noise
from sakuga.diffusion.objective import debiased_weights, min_snr_weights, pseudo_huber, timestep_shares, training_target
from sakuga.diffusion.velocity import add_noise
from sakuga.models.checkpoint import Checkpoint
from sakuga.models.schedulers import noise_schedule
from sakuga.training.caption_changes import caption_changes
from sakuga.training.plan import MAX_TIMESTEP, TrainingPlan
from sakuga.training.step_random import StepRandom
from sakuga.training.training_data import BatchStream

MIN_WEIGHT = 0.1
"""Loss weight where the schedule ends in pure noise; min-SNR alone would give 0."""


LEAST_WEIGHT = 1e-6
"""Sum of the weights of an image's cells that is divided by at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBatch:
    """Clean latents with their noise, timesteps and captions."""

    clean: Tensor  # (n, channels, h, w)
    noise: Tensor
    timesteps: Tensor  # (n,)
    captions: tuple[str, ...]
    origins: Tensor  # (n, 4)
    """Height and width of each image, and top and left of its crop."""
    weights: Tensor | None = None  # (n,)
    """Weight of each sample's loss; None where all are 1."""
    cell_weights: Tensor | None = None  # (n, 1, h, w)
    """Weight of each latent cell's loss, from masks; None where all are 1."""
    frames: int = 1
    """Rows of one clip, which stay together."""

    def part(self, first: int, last: int) -> "TrainingBatch":
        """Return some of its rows."""
        rows = slice(first, last)
        return TrainingBatch(
            clean=self.clean[rows], noise=self.noise[rows], timesteps=self.timesteps[rows], captions=self.captions[rows],
            origins=self.origins[rows], weights=None if self.weights is None else self.weights[rows],
            cell_weights=None if self.cell_weights is None else self.cell_weights[rows], frames=self.frames,
        )  # fmt: skip


class Objective:
    """A checkpoint's noise schedule and its denoising loss."""

    def __init__(self, checkpoint: Checkpoint, plan: TrainingPlan) -> None:
        self.checkpoint, self.plan = checkpoint, plan
        self.signal = noise_schedule(checkpoint)
        self.prediction = checkpoint.info.prediction_type
        self.captions = caption_changes(plan)

    def make_batch(self, stream: BatchStream, position: int) -> TrainingBatch:
        """Build the batch at a position of a stream.

        Its randomness comes from seed and position.
        """
        chosen, count = stream.batch_at(position), stream.batch
        random = StepRandom(seed=stream.seed, samples_seen=position * count)
        rng, generator = random.rng(), random.noise()
        mirrored = (rng.random(count) < (0.5 if self.plan.flip else 0.0)).tolist()
        dropped = rng.random(count) < self.plan.caption_dropout
        spread = (np.arange(count) + rng.random(count)) / count
        encoded = stream.encoded
        clean = encoded.clean(chosen, mirrored, generator)
        cell_weights = encoded.cell_weights(chosen, mirrored, self.plan.unmasked_weight)
        return TrainingBatch(
            clean=clean,
            noise=self._noise(clean, generator).to(clean),
            timesteps=self._timesteps(spread).to(clean.device),
            captions=self._captions(stream, chosen, dropped, rng),
            origins=encoded.crop_origins(chosen, mirrored).to(clean.device),
            weights=encoded.loss_weights(chosen),
            cell_weights=cell_weights,
        )

    def _noise(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(clean.shape, generator=generator)
        if self.plan.noise_offset:
            noise = noise + self.plan.noise_offset * torch.randn((*clean.shape[:2], 1, 1), generator=generator)
        if self.plan.multires_noise:
            noise = multires_noise(noise, self.plan.multires_noise, self.plan.multires_discount, generator)
        return noise

    def _timesteps(self, spread: NDArray[np.float64]) -> Tensor:
        """Map evenly spread numbers in 0 to 1 to timesteps within the plan's range."""
        shares = timestep_shares(spread, self.plan.timestep_sampling)
        first, end = (at * len(self.signal) // MAX_TIMESTEP for at in (self.plan.min_timestep, self.plan.max_timestep))
        return torch.from_numpy((first + shares * (end - first)).astype(np.int64)).clamp(max=len(self.signal) - 1)

    def _captions(
        self, stream: BatchStream, chosen: Sequence[int], dropped: NDArray[np.bool_], rng: np.random.Generator
    ) -> tuple[str, ...]:
        every = self.plan.caption_dropout_every
        if every and stream.epoch % every == every - 1:
            return ("",) * len(chosen)
        texts = [stream.encoded.examples[index].text for index in chosen]
        if self.captions.active:
            texts = [self.captions.apply(text, rng) for text in texts]
        return tuple("" if empty else text for empty, text in zip(dropped, texts, strict=True))

    def predict(self, batch: TrainingBatch, prompt_embeds: Tensor) -> Tensor:
        """Return what the UNet predicts from the noisy latents."""
        noisy = add_noise(batch.clean, batch.noise, self._signal(batch)).to(self.checkpoint.dtype)
        embeds = prompt_embeds.to(noisy.dtype)
        return self.checkpoint.forward(noisy, batch.timesteps, embeds, batch.origins).float()

    def errors(self, batch: TrainingBatch, prompt_embeds: Tensor, target: Tensor | None = None) -> Tensor:
        """Return the unweighted squared error of each sample, (n,).

        The target is what the checkpoint predicts of latents and noise (noise, velocity or sample), unless given.
        """
        target = self._target(batch) if target is None else target
        return _mean((self.predict(batch, prompt_embeds) - target).square(), batch)

    def _losses(self, batch: TrainingBatch, prompt_embeds: Tensor, target: Tensor | None) -> Tensor:
        """Return the loss of each sample before it is weighted, (n,)."""
        if self.plan.loss == "l2":
            return self.errors(batch, prompt_embeds, target)
        target = self._target(batch) if target is None else target
        losses = pseudo_huber(self.predict(batch, prompt_embeds) - target, self.plan.huber_c)
        return _mean(losses if self.plan.loss == "huber" else losses / self.plan.huber_c, batch)

    def _target(self, batch: TrainingBatch) -> Tensor:
        return training_target(self.prediction, batch.clean, batch.noise, self._signal(batch))

    def _signal(self, batch: TrainingBatch) -> Tensor:
        return self.signal[batch.timesteps].view(-1, 1, 1, 1)

    def loss(self, batch: TrainingBatch, prompt_embeds: Tensor, target: Tensor | None = None) -> Tensor:
        """Return the sum of the samples' weighted errors.

        Weighted by min-SNR (Hang et al. 2023) or debiased (Yu et al. 2023), and by the batch's own weights.
        """
        losses = self._losses(batch, prompt_embeds, target)
        if batch.weights is not None:
            losses = losses * batch.weights
        signal = self.signal[batch.timesteps]
        if self.plan.debiased:
            return (losses * debiased_weights(signal, self.prediction)).sum()
        if self.plan.min_snr_gamma is None:
            return losses.sum()
        least = MIN_WEIGHT if self.prediction == "v_prediction" else 0.0
        return (losses * min_snr_weights(signal, self.plan.min_snr_gamma, self.prediction, least)).sum()


def _mean(losses: Tensor, batch: TrainingBatch) -> Tensor:
    """Average the loss of each sample over its cells, weighted by its mask; 0 where none counts."""
    if batch.cell_weights is None:
        return losses.mean(dim=(1, 2, 3))
    weights = batch.cell_weights.expand_as(losses)
    return (losses * weights).sum(dim=(1, 2, 3)) / weights.sum(dim=(1, 2, 3)).clamp(min=LEAST_WEIGHT)
