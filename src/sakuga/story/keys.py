"""Values that change over a shot: keys on frames, counted from the shot's first, as text "0: 0.5, 24 smooth: 0.7"."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeAlias, TypeVar, cast, get_args

from sakuga.story.ease import Ease

Value = TypeVar("Value")
Other = TypeVar("Other")

MARK = re.compile(r"(?:^|,)\s*(\d+)(?:\s+([^\W\d]+))?\s*:")
"""The begin of a key: a frame, perhaps an ease, and a colon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key(Generic[Value]):
    """A value that is reached at a frame; `ease` is how the way from the key before is timed."""

    frame: int
    value: Value
    ease: Ease = "linear"


Keys: TypeAlias = tuple[Key[Value], ...]
"""In order, the first on frame 0; the last value stays."""
Number: TypeAlias = float | Keys[float]
"""One number for a whole shot, or one that changes."""


def is_keyed(text: str) -> bool:
    """Tell whether a text is written as keys: it begins with frame 0 and a colon."""
    found = MARK.match(text)
    return found is not None and int(found[1]) == 0


def parse_texts(text: str) -> Keys[str]:
    """Read "0: by day, 24: at night"; raises ValueError with what is wrong and how to write it."""
    marks = list(MARK.finditer(text))
    if not marks or marks[0].start() or int(marks[0][1]):
        raise ValueError('write keys as "0: 0.5, 24: 0.7", the first on frame 0')
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    keys = [
        Key(frame=int(mark[1]), value=text[mark.end() : end].removeprefix(" "), ease=_ease(mark[2]))
        for mark, end in zip(marks, ends, strict=True)
    ]
    for before, after in pairwise(keys):
        if after.frame <= before.frame:
            raise ValueError(f"frame {after.frame} stands behind frame {before.frame}: put keys in order, one a frame")
    if empty := next((key for key in keys if not key.value.strip()), None):
        raise ValueError(f"the key on frame {empty.frame} says nothing: give it a value")
    return tuple(keys)


def parse_number(said: object) -> Number:
    """Read a number, or keys of numbers; raises ValueError."""
    if isinstance(said, int | float) and not isinstance(said, bool):
        return _finite(str(said))
    if not isinstance(said, str):
        raise ValueError('write a number, or keys as "0: 0.5, 24: 0.7"')
    return tuple(mapped(key, _finite) for key in parse_texts(said))


def written(keys: Sequence[Key[Value]]) -> str:
    """Write keys so that they are read back the same."""
    return ", ".join(f"{key.frame}{'' if key.ease == 'linear' else f' {key.ease}'}: {key.value}" for key in keys)


def numbers(number: Number | None) -> tuple[float, ...]:
    """List the values that a number takes at its keys."""
    if number is None:
        return ()
    return tuple(key.value for key in number) if isinstance(number, tuple) else (number,)


def mapped(key: Key[Value], change: Callable[[Value], Other]) -> Key[Other]:
    """Return the same key with another value."""
    return Key(frame=key.frame, value=change(key.value), ease=key.ease)


def _finite(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"{text} is not finite: give plain numbers")
    return value


def _ease(name: str | None) -> Ease:
    known = get_args(Ease)
    if name is not None and name not in known:
        raise ValueError(f"no ease {name!r}: there are {', '.join(known)}")
    return cast(Ease, name or "linear")
