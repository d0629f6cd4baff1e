"""Keyed values, evaluated: where a shot stands between two keys at a frame."""

from collections.abc import Sequence
from typing import TypeVar

from sakuga.story.keys import Key, Number
from sakuga.timeline.timing import eased

Value = TypeVar("Value")


def passage(keys: Sequence[Key[Value]], frame: float) -> tuple[Value, Value, float]:
    """Find the values before and after a frame, and how far the way between them has gone, eased; beyond the last key it is 0.0.

    >>> from sakuga.story.keys import parse_number
    >>> passage(parse_number("0: 1, 10: 2, 20: 4"), 15)
    (2.0, 4.0, 0.5)
    """
    place = max(index for index, key in enumerate(keys) if key.frame <= frame)
    before = keys[place]
    if place + 1 == len(keys) or frame == before.frame:
        return before.value, before.value, 0.0
    after = keys[place + 1]
    return before.value, after.value, eased((frame - before.frame) / (after.frame - before.frame), after.ease)


def number_at(number: Number, frame: float) -> float:
    """Evaluate a number at a frame.

    >>> from sakuga.story.keys import parse_number
    >>> [number_at(parse_number("0: 0.5, 24 smooth: 0.7"), frame) for frame in (0, 12, 24, 99)]
    [0.5, 0.6, 0.7, 0.7]
    """
    if not isinstance(number, tuple):
        return number
    before, after, at = passage(number, frame)
    return round(before + (after - before) * at, 6)
