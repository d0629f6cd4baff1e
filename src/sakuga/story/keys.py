"""Keyed values of a shot, such as "0: 0.5, 24 smooth: 0.7".

Frames count from the shot's first.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Literal, TypeAlias, TypeVar, cast, get_args

from sakuga.story.limits import MAX_KEYS

Ease = Literal["linear", "smooth", "in", "out", "smoother", "overshoot"]
"""Easing curves; `timeline.timing.apply_easing` defines each."""

Value = TypeVar("Value")
Other = TypeVar("Other")

MARK = re.compile(r"(?:^|,)\s*(\d{1,9})(?:\s+([^\W\d]+))?\s*:")
"""The start of a key: a frame, optionally an ease, and a colon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Generic[Value]):
    """A value at a frame.

    `ease` is the easing from the key before.
    """

    frame: int
    value: Value
    ease: Ease = "linear"


Keys: TypeAlias = tuple[Key[Value], ...]
"""Keys in order, the first on frame 0; the last value stays."""
Number: TypeAlias = float | Keys[float]
"""A constant number, or keys."""


def is_keyed(text: str) -> bool:
    """Return whether a text is written as keys.

    It then starts with "0:".
    """
    found = MARK.match(text)
    return found is not None and int(found[1]) == 0


def parse_texts(text: str) -> Keys[str]:
    """Parse "0: by day, 24: at night".

    Raises ValueError with the remedy.
    """
    marks = list(MARK.finditer(text))
    if not marks or marks[0].start() or int(marks[0][1]):
        raise ValueError('write keys as "0: 0.5, 24: 0.7", the first on frame 0')
    if len(marks) > MAX_KEYS:
        raise ValueError(f"there are {len(marks):,} keys, and {MAX_KEYS:,} are the most")
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    keys = [
        Key(frame=int(mark[1]), value=text[mark.end() : end].removeprefix(" "), ease=_ease(mark[2]))
        for mark, end in zip(marks, ends, strict=True)
    ]
    for before, after in pairwise(keys):
        if after.frame <= before.frame:
            raise ValueError(f"frame {after.frame} comes after frame {before.frame}; put keys in order, one per frame")
    if empty := next((key for key in keys if not key.value.strip()), None):
        raise ValueError(f"the key on frame {empty.frame} is empty; give it a value")
    return tuple(keys)


def parse_number(value: object) -> Number:
    """Parse a number, or keys of numbers; raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _finite(str(value))
    if not isinstance(value, str):
        raise ValueError('write a number, or keys as "0: 0.5, 24: 0.7"')
    return tuple(map_key(key, _finite) for key in parse_texts(value))


def format_keys(keys: Sequence[Key[Value]]) -> str:
    """Format keys as `parse_texts` reads them."""
    return ", ".join(f"{key.frame}{'' if key.ease == 'linear' else f' {key.ease}'}: {key.value}" for key in keys)


def key_values(number: Number | None) -> tuple[float, ...]:
    """Return the values of a number at its keys."""
    if number is None:
        return ()
    return tuple(key.value for key in number) if isinstance(number, tuple) else (number,)


def map_key(key: Key[Value], change: Callable[[Value], Other]) -> Key[Other]:
    """Return a key with its value changed."""
    return Key(frame=key.frame, value=change(key.value), ease=key.ease)


def _finite(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{text} is not finite; use ordinary numbers")
    return value


def _ease(name: str | None) -> Ease:
    known = get_args(Ease)
    if name is not None and name not in known:
        raise ValueError(f"no ease {name!r}: there are {', '.join(known)}")
    return cast(Ease, name or "linear")
