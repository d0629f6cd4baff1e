"""Training clips as latents, and their batches."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from sakuga.datasets.buckets import nearest_bucket
from sakuga.datasets.clips import read_clip
from sakuga.datasets.image_reading import ImageError
from sakuga.datasets.training_set import Example
from sakuga.models.checkpoint import Checkpoint
from sakuga.timeline.clip import Image
from sakuga.training.method_settings import MotionLora
from sakuga.training.objective import Objective, TrainingBatch
from sakuga.training.plan import TrainingPlan, TrainingPlanError
from sakuga.training.step_random import StepRandom
from sakuga.training.training_data import (
    BatchStream,
    EncodedExamples,
    EncodingProgress,
    ExampleSource,
    TrainingExample,
    crop_to_bucket,
)


def frames_at(path: Path, fps: float) -> list[Image]:
    """Read the frames of a clip that are shown at even times, so many a second; raises ImageError."""
    clip = read_clip(path)
    ends = list(accumulate(clip.seconds))
    step = 1 / Fraction(fps).limit_denominator(1000)
    return [clip.images[bisect_right(ends, place * step)] for place in range(int(ends[-1] / step))]


class EncodedClips(EncodedExamples):
    """Latents of clips; a use of a clip takes consecutive frames from anywhere in it.

    They are kept in memory.
    """

    def __init__(self, checkpoint: Checkpoint, source: ExampleSource, method: MotionLora) -> None:
        super().__init__(checkpoint, source)
        self.method = method
        self._latents: list[Tensor] = []

    def prepare(self) -> Iterator[EncodingProgress]:
        """Encode every clip.

        Raises TrainingPlanError where one cannot be read, or has too few frames.
        """
        for done, example in enumerate(self.source.examples, 1):
            self._add_clip(example, self.source.training_set.path(example))
            yield EncodingProgress(done=done, total=len(self.source.examples))

    def _add_clip(self, example: Example, path: Path) -> None:
        method = self.method
        try:
            frames = frames_at(path, method.fps)
        except ImageError as error:
            raise TrainingPlanError(f"a clip of {self.source.training_set.folder}: {error}") from None
        if len(frames) < method.frames:
            raise TrainingPlanError(
                f"{path.name} has {len(frames)} frames at {method.fps:g} a second, and {method.frames} are trained together: "
                "give longer clips, more --fps, or fewer --frames"
            )
        size = (frames[0].shape[1], frames[0].shape[0])
        bucket = nearest_bucket(*size, self.source.sizes)
        added = TrainingExample(path=path, text=example.text, size=size, bucket=bucket)
        self.examples.append(added)
        self._latents.append(torch.stack([self._encode(crop_to_bucket(frame, added), False) for frame in frames]))

    def clean(self, chosen: Sequence[int], mirrored: Sequence[bool], generator: torch.Generator) -> Tensor:
        """Return scaled latents of clips, (clips * frames, channels, h, w), one clip after the other."""
        frames = self.method.frames
        starts = [int(torch.randint(len(self._latents[index]) - frames + 1, (), generator=generator)) for index in chosen]
        moments = [moment for index, start in zip(chosen, starts, strict=True) for moment in self._latents[index][start : start + frames]]
        scaled: Tensor = torch.stack([self._sample(one, generator) for one in moments]) * self.checkpoint.vae.config.scaling_factor
        return scaled.to(self.checkpoint.device)


def backwards(rows: Tensor, frames: int) -> Tensor:
    """Reverse the frames of each clip, (clips * frames, channels, h, w)."""
    clips = rearrange(rows, "(clip frame) c h w -> clip frame c h w", frame=frames)
    return rearrange(clips.flip(1), "clip frame c h w -> (clip frame) c h w")


class ClipObjective(Objective):
    """The denoising loss of clips: all frames of one share a timestep, and each has noise of its own."""

    def __init__(self, checkpoint: Checkpoint, plan: TrainingPlan) -> None:
        super().__init__(checkpoint, plan)
        assert isinstance(plan.method, MotionLora)
        self.method = plan.method

    def make_batch(self, stream: BatchStream, position: int) -> TrainingBatch:
        """Build the batch at a position of a stream.

        In some clips the first frame is given: it is at timestep 0, and does not count. Negative streams have the same clips and noise,
        both played backwards.
        """
        chosen, count, frames = stream.batch_at(position), stream.batch, self.method.frames
        random = StepRandom(seed=stream.seed, samples_seen=position * count)
        rng, generator = random.rng(), random.noise()
        dropped = rng.random(count) < self.plan.caption_dropout
        spread = (np.arange(count) + rng.random(count)) / count
        given = torch.zeros(count, frames, dtype=torch.bool)
        given[:, 0] = torch.from_numpy(rng.random(count) < (self.method.given or 0.0))
        clean = stream.encoded.clean(chosen, [False] * count, generator)
        noise = self._noise(clean, generator)
        if stream.negative:
            clean, noise = (backwards(one, frames) for one in (clean, noise))
        timesteps = self._timesteps(spread).repeat_interleave(frames).masked_fill(given.flatten(), 0)
        weights = (~given).float() / (~given).float().mean(dim=1, keepdim=True)
        return TrainingBatch(
            clean=clean,
            noise=noise.to(clean),
            timesteps=timesteps.to(clean.device),
            captions=tuple(text for text in self._captions(stream, chosen, dropped, rng) for _ in range(frames)),
            origins=stream.encoded.crop_origins(chosen, [False] * count).repeat_interleave(frames, dim=0).to(clean.device),
            weights=weights.flatten().to(clean.device),
            frames=frames,
        )
