"""Motion smoothness from differences of neighbouring frames."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import fmean, median, pstdev

from sakuga.finishing.image import Image


def steps(images: Iterable[Image], difference: Callable[[Image, Image], float]) -> list[float]:
    """Return each image's difference to the previous one.

    Two images are in memory at a time.
    """
    return [difference(before, after) for before, after in pairwise(images)]


def variation(moved: Sequence[float]) -> float:
    """Return the coefficient of variation of steps.

    0.0 is even motion or none.
    """
    return pstdev(moved) / fmean(moved) if moved and fmean(moved) else 0.0


def loop_gap(moved: Sequence[float], back: float) -> float | None:
    """Return a loop's closing step over its median step.

    About 1.0 is invisible. None where most frames stand still.
    """
    middle = median(moved)
    return back / middle if middle else None
