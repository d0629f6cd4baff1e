"""A measured figure: its value, how many it was measured on, and how sure it is; or the reason why it was not measured."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from sakuga import InputError
from sakuga.evaluation.interval import Interval, Values, along_interval, difference_interval, mean_interval, share_interval

BESIDE = ("n", "low", "high", "ceiling", "note", "refused", "instead")
"""What stands before a figure's key in JSON for all but its value."""


class ScoreError(InputError, ValueError):
    """What is to be measured does not fit together; the sentence says what, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure under its dotted key."""

    key: str
    value: float
    n: int
    """How many pictures (pairs, frames) it was measured on."""
    low: float | None = None
    """The lower end of the 95% interval; None where there is none, as for a single picture."""
    high: float | None = None
    ceiling: float | None = None
    """The same figure of true renders, where there are such."""
    note: str = ""

    def __post_init__(self) -> None:
        if self.key.split(".", 1)[0] in BESIDE:
            raise ValueError(f"no figure may be called {self.key!r}: what begins with {', '.join(BESIDE)} stands beside figures")
        if not isfinite(self.value) or self.n < 1:
            raise ValueError(f"{self.key} is {self.value} of {self.n}: no figure")

    @property
    def interval(self) -> Interval | None:
        """The 95% interval, where there is one."""
        return None if self.low is None or self.high is None else Interval(self.low, self.high)

    @property
    def clear(self) -> bool:
        """Tell of a difference whether its interval leaves out 0.0."""
        return self.low is not None and self.high is not None and (self.low > 0.0 or self.high < 0.0)

    def __str__(self) -> str:
        ends = f" [{self.low:.3g}, {self.high:.3g}]" if self.interval else ""
        return f"{self.value:.4g}{ends} (n {self.n})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A figure that would say nothing: why, and what to use or do instead."""

    key: str
    reason: str
    instead: str

    def __str__(self) -> str:
        return f"not measured: {self.reason}; {self.instead}"


Outcome: TypeAlias = Figure | Refused


def figure(key: str, value: float, n: int, interval: Interval | None, *, ceiling: float | None = None, note: str = "") -> Figure:
    """Put a value and its interval together."""
    low, high = interval or (None, None)
    return Figure(key=key, value=float(value), n=n, low=low, high=high, ceiling=ceiling, note=note)


def mean(
    key: str,
    values: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    within: Interval | None = None,
    ceiling: float | None = None,
    note: str = "",
) -> Figure:
    """Return the mean of one value for each picture; with `groups`, such as each picture's prompt, its interval is over groups.

    `within` tells between what ends a value can lie: without it, values that are all alike have an interval of no width.
    """
    given = _numbers(key, values)
    _same_length(key, given, groups)
    return figure(key, float(given.mean()), len(given), mean_interval(given, groups, within=within), ceiling=ceiling, note=note)


def counted(key: str, value: float, n: int) -> Figure:
    """Return a share of n that was counted before."""
    return figure(key, value, n, share_interval(round(value * n), n))


def share(key: str, hits: ArrayLike, *, ceiling: float | None = None, note: str = "") -> Figure:
    """Return the share of pictures of which something is true."""
    given = _numbers(key, hits)
    return figure(key, float(given.mean()), len(given), share_interval(int(given.sum()), len(given)), ceiling=ceiling, note=note)


def paired(
    key: str,
    base: ArrayLike,
    other: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    within: Interval | None = None,
    note: str = "",
) -> Figure:
    """Return how much more `other` has than `base`, picture by picture of the same prompt and seed; n counts pairs.

    `within` tells between what ends a value of either can lie, as of `mean`.
    """
    before, after = _numbers(key, base), _numbers(key, other)
    if len(before) != len(after):
        raise ScoreError(f"{key}: {len(before)} pictures cannot be paired with {len(after)}: draw both from the same prompts and seeds")
    apart = within and Interval(within.low - within.high, within.high - within.low)
    return mean(key, after - before, groups=groups, within=apart, note=note)


def difference(key: str, first: ArrayLike, second: ArrayLike, *, note: str = "") -> Figure:
    """Return how much more `second` has than `first` on average, where nothing pairs them; n is that of the smaller."""
    before, after = _numbers(key, first), _numbers(key, second)
    interval = difference_interval(before, after)
    return figure(key, float(after.mean() - before.mean()), min(len(before), len(after)), interval, note=note)


def along(key: str, values: ArrayLike, *, note: str = "") -> Figure:
    """Return the mean of one value for each frame of a clip, whose neighbours are not independent."""
    given = _numbers(key, values)
    return figure(key, float(given.mean()), len(given), along_interval(given), note=note)


def to_json(outcomes: Iterable[Outcome]) -> dict[str, float | str]:
    """Return figures as one flat object: the value under the key, all else under a key before which it says what it is."""
    said: dict[str, float | str] = {}
    for outcome in outcomes:
        key = outcome.key
        if key in said or f"refused.{key}" in said:
            raise ValueError(f"{key} was measured twice")
        if isinstance(outcome, Refused):
            said |= {f"refused.{key}": outcome.reason, f"instead.{key}": outcome.instead}
            continue
        beside = {"n": outcome.n, "low": outcome.low, "high": outcome.high, "ceiling": outcome.ceiling, "note": outcome.note or None}
        said[key] = outcome.value
        said |= {f"{name}.{key}": value for name, value in beside.items() if value is not None}
    return said


def numbers(*outcomes: Outcome) -> dict[str, float]:
    """Return figures as plain numbers, with "n.", "low.", "high." and "ceiling." before the same key; what was refused is left out."""
    measured = [outcome for outcome in outcomes if isinstance(outcome, Figure)]
    return {key: value for key, value in to_json(measured).items() if not isinstance(value, str)}


def from_json(said: Mapping[str, float | str]) -> tuple[Outcome, ...]:
    """Read figures as `to_json` writes them, in their order; raises ScoreError where it is something else."""
    found: list[Outcome] = []
    for name, value in said.items():
        what, _, key = name.partition(".")
        if what == "refused":
            found.append(Refused(key=key, reason=str(value), instead=str(said.get(f"instead.{key}", ""))))
        elif what not in BESIDE:
            found.append(_read(name, said))
    return tuple(found)


def _read(key: str, said: Mapping[str, float | str]) -> Figure:
    def number(name: str) -> float | None:
        value = said.get(name)
        if value is not None and (isinstance(value, (str, bool)) or not isfinite(value)):
            raise ScoreError(f"{name} is {value!r}: figures are plain numbers")
        return value

    value, n = number(key), number(f"n.{key}")
    if value is None or n is None:
        raise ScoreError(f"{key} has no n.{key} beside it: a figure tells how many it was measured on")
    return Figure(
        key=key,
        value=value,
        n=int(n),
        low=number(f"low.{key}"),
        high=number(f"high.{key}"),
        ceiling=number(f"ceiling.{key}"),
        note=str(said.get(f"note.{key}", "")),
    )


def _numbers(key: str, values: ArrayLike) -> Values:
    given = np.asarray(values, np.float64)
    if given.ndim != 1 or not given.size:
        raise ScoreError(f"{key}: there is nothing to measure" if not given.size else f"{key} is measured on one number for each picture")
    return given


def _same_length(key: str, values: Values, groups: Sequence[Hashable] | None) -> None:
    if groups is not None and len(groups) != len(values):
        raise ScoreError(f"{key}: {len(values)} values cannot belong to {len(groups)} groups: name the group of each")
