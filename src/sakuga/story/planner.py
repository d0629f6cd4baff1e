"""The interface of planners."""

import hashlib
from dataclasses import replace
from itertools import pairwise
from typing import Protocol

from sakuga import InputError, SakugaError
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.story.cast_look import open_look
from sakuga.story.limits import MAX_PLANNED_SHOTS, MAX_SECONDS
from sakuga.story.storyboard import Bible, Storyboard, StoryboardError


class PlannerError(SakugaError, RuntimeError):
    """No complete storyboard could be made.

    The message gives the reason and the remedy.
    """


class ServerError(InputError, PlannerError):
    """A language model's name or key is unusable.

    The message names what is missing.
    """


class Planner(Protocol):
    """Plans storyboards."""

    def plan(self, idea: str, *, shots: int, seconds: float, seed: int, negative: str = "") -> Storyboard:
        """Plan exactly `shots` shots that last `seconds` together.

        Nothing that the negative prompt excludes is added. Raises StoryboardError or PlannerError.
        """
        ...


def check_idea(idea: str, shots: int, seconds: float) -> str:
    """Return the idea in one line.

    Raises StoryboardError if it cannot be planned.
    """
    text = " ".join(idea.split())
    if not text:
        raise StoryboardError("the idea is empty; describe in a few words what the film shows")
    if not 1 <= shots <= MAX_PLANNED_SHOTS:
        raise StoryboardError(f"{shots} shots cannot be planned; use 1 to {MAX_PLANNED_SHOTS}")
    if not 0 < seconds <= MAX_SECONDS:
        raise StoryboardError(f"a film of {seconds:g} seconds cannot be planned; use more than 0 and at most {MAX_SECONDS:g}")
    return text


def with_open_look(bible: Bible, seed: int, negative: str = "") -> Bible:
    """Fix how the subject looks where its words and the look leave that open."""
    added = open_look(", ".join(filter(None, (bible.subject, bible.look))), seed, negative)
    return replace(bible, look=", ".join(filter(None, (bible.look, added))))


def morph_seconds(before: str, after: str, length: float) -> float:
    """Return how long a planned morph into a shot of some length lasts; a change of light or weather takes all of it."""
    first, second = read_labels(before), read_labels(after)
    changes = (first.time, first.weather) != (second.time, second.weather)
    return round(min(2.0, length) if changes else min(1.0, 0.6 * length), 3)


def shot_seed(seed: int, index: int) -> int:
    """Derive a shot's own seed from the film's."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{index}".encode()).digest()[:4], "big")


def shot_lengths(seconds: float, shots: int) -> list[float]:
    """Divide a film into even lengths, in milliseconds.

    They add up exactly.

    >>> shot_lengths(7.0, 3)
    [2.333, 2.334, 2.333]
    """
    ends = [round(seconds * 1000 * number / shots) for number in range(shots + 1)]
    return [(stop - start) / 1000 for start, stop in pairwise(ends)]
