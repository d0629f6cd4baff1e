"""Sample images of a training.

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

if TYPE_CHECKING:
    from sakuga.training.loop import Training
    from sakuga.training.method import TrainingMethod

BATCH_SIZE = 8


class SampleSheets:
    """Generates prompts during a training, without affecting it.

    Seeds are 0, 1, 2, ...
    """

    def __init__(self, training: "Training", source: CheckpointFiles, prompts: tuple[str, ...]) -> None:
        self.training, self.prompts = training, prompts
        native = source.info.native_size
        self.settings = resolve_settings(FilmSettings(size=(native, native)), source)
        self.folder = training.run.samples
        self._base: Any = None

    def generate_base(self) -> None:
        """Generate the base model's row.

        Before anything is restored from a checkpoint.
        """
        if self.prompts:
            self._base = self._generate()

    def write(self, step: int) -> Path | None:
        """Write `samples/step-N.png`, base model above, trained model below.

        None without prompts.
        """
        if not self.prompts:
            return None
        path = self.folder / f"step-{step:08d}.png"
        with self.training.state.averaged():
            write_sheet(path, [self._base, self._generate()])
        return path

    def _generate(self) -> Any:
        return generate_images(self.training.method, self.prompts, self.settings)


def write_sheet(path: Path, rows: Sequence[Any]) -> None:
    """Write rows of images, each (n, h, w, 3) uint8, as one PNG."""
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
    write_atomic(path, lambda draft: PILImage.fromarray(sheet).save(draft, "png"))


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
        )
        images.append(to_uint8(checkpoint.decode(last.latents)))
    return np.concatenate(images)
