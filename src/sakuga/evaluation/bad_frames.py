"""The frames of a clip that a person should look at, found in what was measured along it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np

from sakuga.evaluation.interval import Values
from sakuga.finishing.image import Picture

Why = Literal["blank", "jump", "off its words", "drifted"]

BLANK = 2.0
"""The deviation of grey levels below which a picture shows nothing."""
JUMP, LEAST_JUMP = 4.0, 4.0
"""A step of so many median steps, and of so much in Lab, is a jump."""
OFF, LEAST_OFF = 4.0, 3.0
"""A score of so many deviations below the median (by the median deviation), and of so many points, is off its words."""
DRIFTED = 12.0
"""How far in Lab a frame's mean colour may be from that of its shot's first frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFrames:
    """Frames from `first` to `last`, counted from 0, that all have one thing wrong; `worst` has most of it."""

    first: int
    last: int
    worst: int
    why: Why
    amount: float
    """Of the worst, in units of what is allowed."""


def bad_frames(
    pictures: Sequence[Picture], steps: Values, words: Values, drift: Values, cuts: Sequence[int] = (), *, most: int = 8
) -> list[BadFrames]:
    """Return the worst stretches of a clip in their order, at most so many.

    `steps` are differences to the frame before (NaN for the first), `words` scores against the frame's own words (NaN where it has
    none), `drift` the distance of its mean colour from its shot's first frame; `cuts` are frames that are meant to be a jump.
    """
    blank = np.array([np.inf if picture.std() < BLANK else 0.0 for picture in pictures])
    kinds: list[tuple[Why, Values]] = [
        ("blank", blank),
        ("jump", _jumps(steps, cuts)),
        ("off its words", _below(words)),
        ("drifted", drift / DRIFTED),
    ]
    found = sorted((bad for why, amounts in kinds for bad in _stretches(why, amounts)), key=lambda bad: -bad.amount)
    return sorted(found[:most], key=lambda bad: (bad.first, bad.why))


def _jumps(steps: Values, cuts: Sequence[int]) -> Values:
    """How large each step is against what is allowed; a clip that mostly stands still allows the least jump."""
    known = steps[np.isfinite(steps)]
    usual = float(np.median(known)) if known.size else 0.0
    sizes: Values = steps / max(JUMP * usual, LEAST_JUMP)
    sizes[list(cuts)] = np.nan
    return sizes


def _below(words: Values) -> Values:
    known = words[np.isfinite(words)]
    if known.size < 3:
        return np.full_like(words, np.nan)
    usual = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(known - usual)))
    below: Values = (usual - words) / max(OFF * spread, LEAST_OFF)
    return below


def _stretches(why: Why, amounts: Values) -> Iterator[BadFrames]:
    for over, run in groupby(range(len(amounts)), key=lambda place: bool(amounts[place] > 1.0)):
        places = list(run)
        if over:
            worst = max(places, key=lambda place: amounts[place])
            yield BadFrames(first=places[0], last=places[-1], worst=worst, why=why, amount=float(amounts[worst]))
