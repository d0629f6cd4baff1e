"""Rules that find the bad frames of a measured clip."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np

from sakuga.evaluation.confidence import Values
from sakuga.finishing.image import Image

Fault = Literal["blank", "jump", "off prompt", "drifted"]

BLANK = 2.0
"""The standard deviation of grey levels below which an image is blank."""
JUMP, MIN_JUMP = 4.0, 4.0
"""A change of this many median changes, and at least this much in Lab, is a jump."""
OFF, MIN_OFF = 4.0, 3.0
"""A score this many median deviations, and this many points, below the median is off prompt."""
DRIFTED = 12.0
"""The allowed Lab distance of a frame's mean color from that of its shot's first frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFrames:
    """A range of frames, counted from 0, with one fault.

    `worst` has most of it.
    """

    first: int
    last: int
    worst: int
    fault: Fault
    amount: float
    """The worst frame's excess, 1.0 at the limit."""


def bad_frames(
    images: Sequence[Image], steps: Values, prompt_scores: Values, drift: Values, cuts: Sequence[int] = (), *, most: int = 8
) -> list[BadFrames]:
    """Return the worst ranges of bad frames.

    In order, at most `most`.

    `steps` are differences to the previous frame (NaN for the first), `prompt_scores` CLIP scores to the frame's prompt (NaN without one),
    `drift` the distances of the mean color from the shot's first frame; `cuts` are frames after a cut, which may jump.
    """
    blank = np.array([np.inf if image.std() < BLANK else 0.0 for image in images])
    kinds: list[tuple[Fault, Values]] = [
        ("blank", blank),
        ("jump", _jumps(steps, cuts)),
        ("off prompt", _below(prompt_scores)),
        ("drifted", drift / DRIFTED),
    ]
    found = sorted((bad for fault, amounts in kinds for bad in _ranges(fault, amounts)), key=lambda bad: -bad.amount)
    return sorted(found[:most], key=lambda bad: (bad.first, bad.fault))


def _jumps(steps: Values, cuts: Sequence[int]) -> Values:
    """Return each change over the limit.

    A mostly still clip has the minimum limit.
    """
    known = steps[np.isfinite(steps)]
    median = float(np.median(known)) if known.size else 0.0
    sizes: Values = steps / max(JUMP * median, MIN_JUMP)
    sizes[list(cuts)] = np.nan
    return sizes


def _below(scores: Values) -> Values:
    known = scores[np.isfinite(scores)]
    if known.size < 3:
        return np.full_like(scores, np.nan)
    median = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(known - median)))
    below: Values = (median - scores) / max(OFF * spread, MIN_OFF)
    return below


def _ranges(fault: Fault, amounts: Values) -> Iterator[BadFrames]:
    for over, run in groupby(range(len(amounts)), key=lambda place: bool(amounts[place] > 1.0)):
        places = list(run)
        if over:
            worst = max(places, key=lambda place: amounts[place])
            yield BadFrames(first=places[0], last=places[-1], worst=worst, fault=fault, amount=float(amounts[worst]))
