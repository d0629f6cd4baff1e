"""Exact timing: spans of frames, rates and easing curves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise, repeat
from typing import TypeVar

from sakuga.story.keys import Ease

Item = TypeVar("Item")

TOLERANCE = Fraction(1, 150)
"""Seconds by which a frame may miss its time, since files round to hundredths or thousandths."""
HIGHEST_RATE = 60
"""Frames per second up to which a rate is searched for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The frames from `start` up to, but not including, `stop`."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def frame_spans(seconds: Iterable[float], rate: Fraction) -> list[Span]:
    """Return one span of frames per duration.

    The last ends at round(total * rate).

    >>> frame_spans([1.2, 1.2, 1.2], Fraction(12))
    [Span(start=0, stop=14), Span(start=14, stop=29), Span(start=29, stop=43)]
    """
    ends = accumulate((exact_seconds(length) for length in seconds), initial=Fraction(0))
    return [Span(start=start, stop=stop) for start, stop in pairwise(round(end * rate) for end in ends)]


def exposure_counts(seconds: Sequence[Fraction]) -> tuple[Fraction, list[int]]:
    """Return the lowest fitting rate and frame counts.

    How many frames each duration takes.

    >>> exposure_counts([Fraction(8, 100), Fraction(9, 100), Fraction(8, 100), Fraction(25, 100)])
    (Fraction(12, 1), [1, 1, 1, 3])
    """
    if len(set(seconds)) == 1:
        return (1 / seconds[0] if seconds[0] else Fraction(1)), [1] * len(seconds)
    edges = list(accumulate(seconds, initial=Fraction(0)))
    for rate in map(Fraction, range(1, HIGHEST_RATE + 1)):
        ticks = [round(edge * rate) for edge in edges]
        counts = [stop - start for start, stop in pairwise(ticks)]
        if min(counts) > 0 and all(abs(tick / rate - edge) <= TOLERANCE for tick, edge in zip(ticks, edges, strict=True)):
            return rate, counts
    return Fraction(HIGHEST_RATE), list(map(max, repeat(1), (round(length * HIGHEST_RATE) for length in seconds)))


def exact_seconds(seconds: float) -> Fraction:
    """Convert seconds as written: 0.1 is one tenth."""
    return Fraction(str(seconds))


def apply_easing(progress: float, ease: Ease) -> float:
    """Ease progress from 0.0 to 1.0.

    "smooth" starts and stops gently (3t² - 2t³), "in" only starts so (t²), "out" only stops so (2t - t²); "smoother" is
    10t³ - 15t⁴ + 6t⁵ (Perlin 2002); "overshoot" goes 10% too far and settles (1 + 2.70158(t-1)³ + 1.70158(t-1)², Penner 2002).
    """
    match ease:
        case "linear":
            return progress
        case "smooth":
            return progress * progress * (3 - 2 * progress)
        case "in":
            return progress * progress
        case "out":
            return progress * (2 - progress)
        case "smoother":
            return progress**3 * (10 - 15 * progress + 6 * progress**2)
        case "overshoot":
            left = progress - 1
            return progress if progress in (0.0, 1.0) else 1 + 2.70158 * left**3 + 1.70158 * left**2


def ping_pong(frames: Sequence[Item]) -> list[Item]:
    """Return the frames forwards and backwards, with neither end twice.

    >>> ping_pong("abcd")
    ['a', 'b', 'c', 'd', 'c', 'b']
    """
    return [*frames, *frames[-2:0:-1]]
