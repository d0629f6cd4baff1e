"""How evenly a clip moves, by the differences of neighbouring frames."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import fmean, median, pstdev

from sakuga.finishing.image import Picture


def steps(pictures: Iterable[Picture], difference: Callable[[Picture, Picture], float]) -> list[float]:
    """Measure how much each picture differs from the one before; two pictures at a time are alive."""
    return [difference(before, after) for before, after in pairwise(pictures)]


def variation(moved: Sequence[float]) -> float:
    """Return the coefficient of variation of steps, deviation over mean: 0.0 is perfectly even, or no motion at all."""
    return pstdev(moved) / fmean(moved) if moved and fmean(moved) else 0.0


def loop_gap(moved: Sequence[float], back: float) -> float | None:
    """Return the step from a loop's last frame `back` to its first against its median step; None where most frames stand still.

    About 1.0 cannot be seen.
    """
    usual = median(moved)
    return back / usual if usual else None
