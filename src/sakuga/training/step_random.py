"""Where the chance of a training comes from: nothing of it has to be stored."""

from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """All chance of one step: a function of the run's seed and of the samples seen before, so nothing of it has to be stored."""

    seed: int
    seen: int

    def rng(self) -> np.random.Generator:
        """Return the generator of choices: pictures, crops, captions."""
        return np.random.default_rng((self.seed, self.seen))

    def noise(self) -> torch.Generator:
        """Return the generator of noise, on the CPU, so that it is the same on every device."""
        return torch.Generator().manual_seed(((self.seed << 40) + self.seen) % 2**63)
