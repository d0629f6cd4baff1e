"""Sample images and clips of a training.

The same prompts and seeds, base model above, trained model below.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PILImage

from sakuga.files import write_atomic
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.story.settings import FilmSettings
from sakuga.studio.core.settings import ResolvedSettings, resolve_settings
from sakuga.timeline.spec import SamplingOptions
from sakuga.training.plan_options import parse_numbers

if TYPE_CHECKING:
    from sakuga.training.loop import Training
    from sakuga.training.method import TrainingMethod

BATCH_SIZE = 8
SHOWN_FRAMES = 4
"""Frames of a clip that a sheet shows."""


class SampleSheets:
    """Generates prompts during a training, without affecting it.

    Seeds are 0, 1, 2, ...
    """

    def __init__(self, training: "Training", source: CheckpointFiles, prompts: tuple[str, ...]) -> None:
        self.training, self.prompts = training, prompts
        native = source.info.native_size
        self.settings = resolve_settings(FilmSettings(size=(native, native)), source)
        self.folder = training.run.samples
        self.weights = parse_numbers(training.plan.sample_weights)
        self._base: Any = None

    def generate_base(self) -> None:
        """Generate the base model's row.

        Before anything is restored from a checkpoint.
        """
        if self.prompts:
            self._base = self._generate()

    def write(self, step: int) -> Path | None:
        """Write `samples/step-N.png`, base model above, trained model below.

        With sample weights also `step-N-weights.png`, a row for each. None without prompts.
        """
        if not self.prompts:
            return None
        path = self.folder / f"step-{step:08d}.png"
        with self.training.state.averaged():
            write_sheet(path, [self._base, self._generate()])
            if self.weights:
                write_sheet(path.with_stem(f"{path.stem}-weights"), [self._base, *map(self._at_weight, self.weights)])
        return path

    def _at_weight(self, weight: float) -> Any:
        return at_weight(self.training.method, weight, self.prompts, self.settings)

    def _generate(self) -> Any:
        return generate_samples(self.training.method, self.prompts, self.settings)


def write_sheet(path: Path, rows: Sequence[Any]) -> None:
    """Write rows of images, each (n, h, w, 3) uint8, as one PNG."""
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    write_atomic(path, lambda draft: PILImage.fromarray(sheet).save(draft, "png"))


def generate_samples(method: "TrainingMethod", prompts: Sequence[str], settings: ResolvedSettings) -> Any:
    """Generate an image of each prompt, (n, h, w, 3) uint8; of a motion training some frames of a clip, side by side."""
    from sakuga.training.motion_lora import MotionLoraMethod

    if not isinstance(method, MotionLoraMethod):
        return generate_images(method, prompts, settings)
    places = np.linspace(0, method.settings.frames - 1, SHOWN_FRAMES).round().astype(int)
    clips = [generate_clip(method, prompt, seed, settings)[places] for seed, prompt in enumerate(prompts)]
    return np.stack([np.concatenate(list(frames), axis=1) for frames in clips])


def generate_clip(method: "TrainingMethod", prompt: str, seed: int, settings: ResolvedSettings) -> Any:
    """Generate the frames of a clip with a motion method's parameters, none of them given, (frames, h, w, 3) uint8."""
    from sakuga.diffusion.noise import seeded_noise
    from sakuga.models.checkpoint import to_uint8
    from sakuga.models.sampling import sample

    checkpoint, frames = method.checkpoint, method.checkpoint.unet.frames
    side = checkpoint.info.native_size // checkpoint.info.vae_scale_factor
    noise = seeded_noise((frames, checkpoint.info.latent_channels, side, side), seed)
    embeds, negative = (method.encode_captions([text]).expand(frames, -1, -1) for text in (prompt, ""))
    *_, last = sample(
        checkpoint, prompt_embeds=embeds, negative_prompt_embeds=negative, noise=noise, sampler="dpm++", steps=settings.steps,
        guidance_scale=settings.guidance, options=SamplingOptions(guidance_start=settings.guidance_start),
    )  # fmt: skip
    return to_uint8(checkpoint.decode(last.latents))


def at_weight(method: "TrainingMethod", weight: float, prompts: Sequence[str], settings: Any) -> Any:
    """Generate an image of each prompt with a trained LoRA at a weight, (n, h, w, 3) uint8."""
    from sakuga.models.applied_adapters import applied_adapters
    from sakuga.training.lora import LoraMethod

    assert isinstance(method, LoraMethod), "only a LoRA has a weight"
    with method.base_weights(), applied_adapters(method.checkpoint, [(method.adapter("trained"), weight)]):
        return generate_images(method, prompts, settings)


def generate_images(method: "TrainingMethod", prompts: Sequence[str], settings: ResolvedSettings) -> Any:
    """Generate an image of each prompt with a method's parameters, (n, h, w, 3) uint8; seeds are 0, 1, 2, ..."""
    import torch

    from sakuga.diffusion.noise import seeded_noise
    from sakuga.models.checkpoint import to_uint8
    from sakuga.models.conditioning import stack_noise
    from sakuga.models.sampling import sample

    checkpoint = method.checkpoint
    side = checkpoint.info.native_size // checkpoint.info.vae_scale_factor
    shape = (checkpoint.info.latent_channels, side, side)
    images = []
    for first in range(0, len(prompts), BATCH_SIZE):
        batch = prompts[first : first + BATCH_SIZE]
        with torch.no_grad():
            prompt_embeds = method.encode_captions(batch)
            negative = method.encode_captions([""]).expand(len(batch), -1, -1)
        *_, last = sample(
            checkpoint,
            prompt_embeds=prompt_embeds,
            negative_prompt_embeds=negative,
            noise=stack_noise([seeded_noise(shape, first + index) for index in range(len(batch))]),
            sampler="dpm++",
            steps=settings.steps,
            guidance_scale=settings.guidance,
            options=SamplingOptions(guidance_start=settings.guidance_start),
        )
        images.append(to_uint8(checkpoint.decode(last.latents)))
    return np.concatenate(images)
