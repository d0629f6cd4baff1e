"""Held-out scenes of the Sketchbook's world, never trained on."""

from dataclasses import dataclass

import numpy as np

from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.captions import caption
from sakuga.sketchbook.label_codes import ATTRIBUTES, Codes, stated_codes
from sakuga.sketchbook.labels import Labels
from sakuga.sketchbook.scene import Moment, sample

CASES = 130_000_000
"""The seed of the first held-out scene for captions; never trained on."""
REFERENCE_SEED = 140_000_000
"""The seed of the first held-out scene for reference renders."""
MAX_SECONDS = 12.0
"""Scenes are rendered within this many seconds after their start."""
MIN_STATED = 3
LOOK = list(ATTRIBUTES).index("look")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A held-out scene and its caption."""

    seed: int
    labels: Labels
    caption: str

    @property
    def stated(self) -> Codes:
        """Return the codes of the stated labels."""
        return stated_codes(read_labels(self.caption))


def held_out_cases(n: int, first: int = CASES) -> list[Case]:
    """Return n held-out scenes with captions.

    Each states three or more attributes.
    """
    return [_case(first + index) for index in range(n)]


def _case(seed: int) -> Case:
    """Sample captions of a scene until one states enough.

    No scene is skipped, which would bias the set.
    """
    labels = sample(seed).labels
    rng = np.random.default_rng((seed, 23))
    while True:
        case = Case(seed=seed, labels=labels, caption=caption(labels, rng))
        if count_stated(case.stated) >= MIN_STATED:
            return case


def count_stated(codes: Codes) -> int:
    """Count the stated attributes.

    Without portrait and look.
    """
    return sum(code >= 0 for name, code in zip(ATTRIBUTES, codes, strict=True) if name not in ("portrait", "look"))


def held_out_moment(seed: int, aspect: float = 1.0) -> Moment:
    """Return a held-out scene at a moment.

    The seed chooses the moment; `aspect` is width over height.
    """
    return sample(seed, aspect=aspect).at(float(np.random.default_rng((seed, 29)).uniform(0.0, MAX_SECONDS)))


def cases_without_look(n: int) -> list[Case]:
    """Return n held-out scenes without a look."""
    return [case for case in held_out_cases(2 * n + 8) if case.stated[LOOK] < 0][:n]
