"""Whole ticks out of exact rates: rounding is spread over the frames, so that a clip's length stays exact."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import floor

import numpy as np

from sakuga.finishing.image import Picture
from sakuga.timeline.clip import Clip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Still:
    """A picture that stands for a number of ticks."""

    picture: Picture
    ticks: int


def spread(count: int, rate: Fraction, ticks: int | Fraction) -> list[int]:
    """Share out ticks (so many a second) over frames, each next edge rounded from its exact place.

    >>> spread(6, Fraction(12), 100)
    [8, 9, 8, 8, 9, 8]
    """
    edges = [floor(Fraction(index * ticks) / rate + Fraction(1, 2)) for index in range(count + 1)]
    return [stop - start for start, stop in pairwise(edges)]


def stills(clip: Clip, ticks: int | Fraction, least: int = 1) -> Iterator[Still]:
    """Merge equal neighbours, and give the time of pictures that would stand for less than `least` ticks to the one before."""
    kept: Still | None = None
    for frame, length in zip(clip.frames, spread(len(clip.frames), clip.rate, ticks), strict=True):
        if kept and (kept.ticks < least or kept.picture is frame.picture or np.array_equal(kept.picture, frame.picture)):
            kept = replace(kept, ticks=kept.ticks + length)
            continue
        if kept:
            yield kept
        kept = Still(picture=frame.picture, ticks=length)
    if kept:
        yield kept
