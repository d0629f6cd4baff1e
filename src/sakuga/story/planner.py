"""What every planner promises: an idea becomes a whole storyboard."""

import hashlib
from itertools import pairwise
from typing import Protocol

from sakuga import InputError, SakugaError
from sakuga.story.storyboard import Storyboard, StoryboardError

MOST_SHOTS = 60


class PlannerError(SakugaError, RuntimeError):
    """No whole storyboard could be made; the message says why and what to do."""


class ServerError(InputError, PlannerError):
    """A language model cannot be asked as it was named; the message says what is missing."""


class Planner(Protocol):
    """Makes storyboards."""

    def plan(self, idea: str, *, shots: int, seconds: float, seed: int) -> Storyboard:
        """Break an idea into exactly `shots` shots of together `seconds`; raises StoryboardError or PlannerError."""
        ...


def checked_idea(idea: str, shots: int, seconds: float) -> str:
    """Return the idea in one line; raises StoryboardError for what no planner can plan."""
    text = " ".join(idea.split())
    if not text:
        raise StoryboardError("the idea is empty: say in a few words what the film shows")
    if not 1 <= shots <= MOST_SHOTS:
        raise StoryboardError(f"{shots} shots cannot be planned: choose 1 to {MOST_SHOTS}")
    if not 0 < seconds <= 3600:
        raise StoryboardError(f"a film of {seconds:g} seconds cannot be planned: choose above 0 to 3600")
    return text


def shot_seed(seed: int, index: int) -> int:
    """Derive a shot's seed from the film's, so that it is written down and no shot's seed hangs on another shot."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{index}".encode()).digest()[:4], "big")


def lengths(seconds: float, shots: int) -> list[float]:
    """Cut a film into even lengths in milliseconds that add up to `seconds` exactly.

    >>> lengths(7.0, 3)
    [2.333, 2.334, 2.333]
    """
    ends = [round(seconds * 1000 * number / shots) for number in range(shots + 1)]
    return [(stop - start) / 1000 for start, stop in pairwise(ends)]
