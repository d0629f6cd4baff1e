"""Exact time: spans of frames and easing curves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise, repeat
from typing import TypeVar

from sakuga.story.storyboard import Ease

Shown = TypeVar("Shown")

MISSED = Fraction(1, 150)
"""Seconds by which a frame may miss its time: files round to hundredths or thousandths."""
FASTEST = 60
"""Frames a second that a rate is looked for up to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Frames from `start` up to, not including, `stop`."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def spans(seconds: Iterable[float], rate: Fraction) -> list[Span]:
    """Cut a film's frames into one span for each duration; rounding never adds up, so the last ends at round(total * rate).

    >>> spans([1.2, 1.2, 1.2], Fraction(12))
    [Span(start=0, stop=14), Span(start=14, stop=29), Span(start=29, stop=43)]
    """
    ends = accumulate((exact(length) for length in seconds), initial=Fraction(0))
    return [Span(start=start, stop=stop) for start, stop in pairwise(round(end * rate) for end in ends)]


def holds(seconds: Sequence[Fraction]) -> tuple[Fraction, list[int]]:
    """Turn the times of frames from outside into the slowest fitting rate, and for how many frames each of them stands.

    >>> holds([Fraction(8, 100), Fraction(9, 100), Fraction(8, 100), Fraction(25, 100)])
    (Fraction(12, 1), [1, 1, 1, 3])
    """
    if len(set(seconds)) == 1:
        return (1 / seconds[0] if seconds[0] else Fraction(1)), [1] * len(seconds)
    edges = list(accumulate(seconds, initial=Fraction(0)))
    for rate in map(Fraction, range(1, FASTEST + 1)):
        ticks = [round(edge * rate) for edge in edges]
        counts = [stop - start for start, stop in pairwise(ticks)]
        if min(counts) > 0 and all(abs(tick / rate - edge) <= MISSED for tick, edge in zip(ticks, edges, strict=True)):
            return rate, counts
    return Fraction(FASTEST), list(map(max, repeat(1), (round(length * FASTEST) for length in seconds)))


def exact(seconds: float) -> Fraction:
    """Read seconds as written: 0.1 is a tenth."""
    return Fraction(str(seconds))


def eased(progress: float, ease: Ease) -> float:
    """Bend progress from 0.0 to 1.0: "smooth" starts and stops gently (3t² - 2t³), "in" only starts so (t²), "out" only stops so.

    "smoother" starts and stops ever so gently (10t³ - 15t⁴ + 6t⁵, Perlin 2002); "overshoot" goes 10% too far and settles
    (1 + 2.70158(t-1)³ + 1.70158(t-1)², Penner 2002).
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


def there_and_back(frames: Sequence[Shown]) -> list[Shown]:
    """Play frames forth and back as a loop, with neither end twice.

    >>> there_and_back("abcd")
    ['a', 'b', 'c', 'd', 'c', 'b']
    """
    return [*frames, *frames[-2:0:-1]]
