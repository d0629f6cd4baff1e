"""Metrics with sample size and 95% interval."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from sakuga import InputError
from sakuga.evaluation.confidence import (
    Interval,
    Values,
    along_interval,
    difference_interval,
    mean_interval,
    ratio_interval,
    share_interval,
)

RESERVED_PREFIXES = ("n", "low", "high", "ceiling", "note", "refused", "instead")
"""Prefixes of a metric's key in JSON for all but its value."""


class MetricError(InputError, ValueError):
    """Inputs of a metric that do not fit together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric under its dotted key."""

    key: str
    value: float
    n: int
    """The number of images (pairs, frames) measured."""
    low: float | None = None
    """The lower end of the 95% interval; None for a single image."""
    high: float | None = None
    ceiling: float | None = None
    """The same metric of true renders, if there are any."""
    note: str = ""

    def __post_init__(self) -> None:
        if self.key.split(".", 1)[0] in RESERVED_PREFIXES:
            raise ValueError(f"no metric may be named {self.key!r}: {', '.join(RESERVED_PREFIXES)} are reserved prefixes")
        if not isfinite(self.value) or self.n < 1:
            raise ValueError(f"{self.key} is {self.value} with n {self.n}: no metric")

    @property
    def interval(self) -> Interval | None:
        """The 95% interval; None if there is none."""
        return None if self.low is None or self.high is None else Interval(self.low, self.high)

    @property
    def excludes_zero(self) -> bool:
        """Check whether a difference's interval excludes 0.0."""
        return self.low is not None and self.high is not None and (self.low > 0.0 or self.high < 0.0)

    def __str__(self) -> str:
        ends = f" [{self.low:.3g}, {self.high:.3g}]" if self.interval else ""
        return f"{self.value:.4g}{ends} (n {self.n})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotMeasured:
    """A metric that would mean nothing here.

    With the reason, and what to use instead.
    """

    key: str
    reason: str
    instead: str

    def __str__(self) -> str:
        return f"not measured: {self.reason}; {self.instead}"


Measurement: TypeAlias = Metric | NotMeasured


def make_metric(key: str, value: float, n: int, interval: Interval | None, *, ceiling: float | None = None, note: str = "") -> Metric:
    """Build a metric of a value and its interval."""
    low, high = interval or (None, None)
    return Metric(key=key, value=float(value), n=n, low=low, high=high, ceiling=ceiling, note=note)


def mean(
    key: str,
    values: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    within: Interval | None = None,
    ceiling: float | None = None,
    note: str = "",
) -> Metric:
    """Return a mean over images with its interval.

    `groups`, such as each image's prompt, are resampled whole. `within` is the range of possible values: without it, equal values have an
    interval of zero width.
    """
    given = _numbers(key, values)
    _same_length(key, given, groups)
    return make_metric(key, float(given.mean()), len(given), mean_interval(given, groups, within=within), ceiling=ceiling, note=note)


def counted_share(key: str, value: float, n: int) -> Metric:
    """Return a share of n with Wilson's interval."""
    return make_metric(key, value, n, share_interval(round(value * n), n))


def share(key: str, hits: ArrayLike, *, ceiling: float | None = None, note: str = "") -> Metric:
    """Return the share of images with a property."""
    given = _numbers(key, hits)
    return make_metric(key, float(given.mean()), len(given), share_interval(int(given.sum()), len(given)), ceiling=ceiling, note=note)


def paired(
    key: str,
    base: ArrayLike,
    other: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    within: Interval | None = None,
    note: str = "",
) -> Metric:
    """Return the mean of `other` minus `base`.

    Over pairs of the same prompt and seed.

    n counts pairs; `groups` and `within` are as for `mean`.
    """
    before, after = _numbers(key, base), _numbers(key, other)
    if len(before) != len(after):
        raise MetricError(f"{key}: {len(before)} images cannot be paired with {len(after)}: generate both from the same prompts and seeds")
    apart = within and Interval(within.low - within.high, within.high - within.low)
    return mean(key, after - before, groups=groups, within=apart, note=note)


def ratio(key: str, base: ArrayLike, other: ArrayLike, *, note: str = "") -> Measurement:
    """Return mean(other) / mean(base) over pairs; n counts pairs."""
    before, after = _numbers(key, base), _numbers(key, other)
    if len(before) != len(after):
        raise MetricError(f"{key}: {len(before)} values cannot be paired with {len(after)}: measure both on the same clips")
    if before.mean() <= 0:
        return NotMeasured(key=key, reason="what it is divided by is 0", instead="read the difference")
    return make_metric(key, float(after.mean() / before.mean()), len(before), ratio_interval(before, after), note=note)


def difference(key: str, first: ArrayLike, second: ArrayLike, *, note: str = "") -> Metric:
    """Return mean(second) - mean(first) of unpaired sets.

    N is the smaller size.
    """
    before, after = _numbers(key, first), _numbers(key, second)
    interval = difference_interval(before, after)
    return make_metric(key, float(after.mean() - before.mean()), min(len(before), len(after)), interval, note=note)


def along(key: str, values: ArrayLike, *, note: str = "") -> Metric:
    """Return the mean of one value per frame.

    The interval allows for dependent neighbours.
    """
    given = _numbers(key, values)
    return make_metric(key, float(given.mean()), len(given), along_interval(given), note=note)


def to_json(metrics: Iterable[Measurement]) -> dict[str, float | str]:
    """Return metrics as one flat JSON object.

    Values are under their key, the rest under prefixed keys.
    """
    values: dict[str, float | str] = {}
    for metric in metrics:
        key = metric.key
        if key in values or f"refused.{key}" in values:
            raise ValueError(f"{key} was measured twice")
        if isinstance(metric, NotMeasured):
            values |= {f"refused.{key}": metric.reason, f"instead.{key}": metric.instead}
            continue
        beside = {"n": metric.n, "low": metric.low, "high": metric.high, "ceiling": metric.ceiling, "note": metric.note or None}
        values[key] = metric.value
        values |= {f"{name}.{key}": value for name, value in beside.items() if value is not None}
    return values


def to_numbers(*metrics: Measurement) -> dict[str, float]:
    """Return measured metrics as plain numbers.

    Under their key and prefixed keys.
    """
    measured = [metric for metric in metrics if isinstance(metric, Metric)]
    return {key: value for key, value in to_json(measured).items() if not isinstance(value, str)}


def from_json(values: Mapping[str, float | str]) -> tuple[Measurement, ...]:
    """Read metrics as written by `to_json`, in order.

    Raises MetricError for other values.
    """
    found: list[Measurement] = []
    for name, value in values.items():
        what, _, key = name.partition(".")
        if what == "refused":
            found.append(NotMeasured(key=key, reason=str(value), instead=str(values.get(f"instead.{key}", ""))))
        elif what not in RESERVED_PREFIXES:
            found.append(_read(name, values))
    return tuple(found)


def _read(key: str, values: Mapping[str, float | str]) -> Metric:
    def number(name: str) -> float | None:
        value = values.get(name)
        if value is not None and (isinstance(value, (str, bool)) or not isfinite(value)):
            raise MetricError(f"{name} is {value!r}: metrics are plain numbers")
        return value

    value, n = number(key), number(f"n.{key}")
    if value is None or n is None:
        raise MetricError(f"{key} has no n.{key} beside it: a metric needs its sample size")
    return Metric(
        key=key,
        value=value,
        n=int(n),
        low=number(f"low.{key}"),
        high=number(f"high.{key}"),
        ceiling=number(f"ceiling.{key}"),
        note=str(values.get(f"note.{key}", "")),
    )


def _numbers(key: str, values: ArrayLike) -> Values:
    given = np.asarray(values, np.float64)
    if given.ndim != 1 or not given.size:
        raise MetricError(f"{key}: there is nothing to measure" if not given.size else f"{key} needs one number for each image")
    return given


def _same_length(key: str, values: Values, groups: Sequence[Hashable] | None) -> None:
    if groups is not None and len(groups) != len(values):
        raise MetricError(f"{key}: {len(values)} values cannot belong to {len(groups)} groups: name the group of each")
