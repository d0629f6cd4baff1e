"""Values that change over a shot, evaluated at a frame."""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import TypeVar

from sakuga.story.keys import Key, Number
from sakuga.timeline.timing import apply_easing

Value = TypeVar("Value")


def interpolation_at(keys: Sequence[Key[Value]], frame: float) -> tuple[Value, Value, float]:
    """Return the neighbouring values and the eased share.

    Before and after a frame.

    The share is 0.0 on a key and beyond the last one. Raises ValueError before the first key.

    >>> from sakuga.story.keys import parse_number
    >>> interpolation_at(parse_number("0: 1, 10: 2, 20: 4"), 15)
    (2.0, 4.0, 0.5)
    """
    place = bisect_right(keys, frame, key=attrgetter("frame")) - 1
    if place < 0:
        raise ValueError(f"frame {frame} is before the first key")
    before = keys[place]
    if place + 1 == len(keys) or frame == before.frame:
        return before.value, before.value, 0.0
    after = keys[place + 1]
    return before.value, after.value, apply_easing((frame - before.frame) / (after.frame - before.frame), after.ease)


def number_at(number: Number, frame: float) -> float:
    """Evaluate a number at a frame.

    >>> from sakuga.story.keys import parse_number
    >>> [number_at(parse_number("0: 0.5, 24 smooth: 0.7"), frame) for frame in (0, 12, 24, 99)]
    [0.5, 0.6, 0.7, 0.7]
    """
    if not isinstance(number, tuple):
        return number
    before, after, at = interpolation_at(number, frame)
    return round(before + (after - before) * at, 6)
