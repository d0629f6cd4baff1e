"""Random generators of a training step, derived and never stored."""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRandom:
    """The random generators of one step.

    A function of the seed and the samples seen before.
    """

    seed: int
    samples_seen: int

    def rng(self) -> np.random.Generator:
        """Return the generator for choices: images, crops, captions."""
        return np.random.default_rng((self.seed, self.samples_seen))

    def noise(self) -> torch.Generator:
        """Return the generator for noise.

        On the CPU, so that every device gets the same.
        """
        return torch.Generator().manual_seed(((self.seed << 40) + self.samples_seen) % 2**63)
