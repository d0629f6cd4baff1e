"""Pictures drawn while a training goes on: always the same prompts and seeds, the model as it was above what it has learnt."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from sakuga.models.checkpoint_files import Source
from sakuga.story.film import FilmSettings
from sakuga.studio.core.settings import settled

if TYPE_CHECKING:
    from sakuga.training.loop import Training

AT_ONCE = 8


class Samples:
    """Draws prompts with the seeds 0, 1, 2, ... with a model in training; nothing of the training changes by it."""

    def __init__(self, training: "Training", source: Source, prompts: tuple[str, ...]) -> None:
        self.training, self.prompts = training, prompts
        native = source.facts.native_size
        self.how = settled(FilmSettings(size=(native, native)), source)
        self.folder = training.run.samples
        self._base: Any = None

    def begin(self) -> None:
        """Draw with the model before it has learnt anything: nothing may be taken up from a checkpoint yet."""
        if self.prompts:
            self._base = self._drawn()

    def draw(self, step: int) -> Path | None:
        """Draw all prompts into `samples/step-N.png`, below what the model drew at the beginning; None where there is no prompt."""
        from sakuga.files import write_whole

        if not self.prompts:
            return None
        path = self.folder / f"step-{step:08d}.png"
        with self.training.learning.averaged():
            rows = [self._base, self._drawn()]
        sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows])
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda beside: Image.fromarray(sheet).save(beside, "png"))
        return path

    def _drawn(self) -> Any:
        import torch

        from sakuga.diffusion.noise import seeded
        from sakuga.models.checkpoint import quantised
        from sakuga.models.conditioning import stacked
        from sakuga.models.sampling import sample

        learner, how = self.training.learner, self.how
        checkpoint = learner.checkpoint
        assert how.steps is not None
        assert how.guidance is not None
        side = checkpoint.facts.native_size // checkpoint.facts.factor
        shape = (checkpoint.facts.latent_channels, side, side)
        drawn = []
        for first in range(0, len(self.prompts), AT_ONCE):
            said = self.prompts[first : first + AT_ONCE]
            with torch.no_grad():
                words, nothing = learner.told(said), learner.told([""]).expand(len(said), -1, -1)
            noise = stacked([seeded(shape, first + place) for place in range(len(said))])
            *_, last = sample(
                checkpoint, conditioning=words, negative=nothing, noise=noise, sampler="dpm++", steps=how.steps, guidance=how.guidance
            )
            drawn.append(quantised(checkpoint.decode(last.latents)))
        return np.concatenate(drawn)
