"""Metrics as tables, bars and tiles, with interval and n."""

from collections.abc import Iterable, Mapping, Sequence
from math import nan

from sakuga.evaluation.metric import Measurement, Metric, NotMeasured
from sakuga.evaluation.report.bars import Bar, Range, signed
from sakuga.evaluation.report.page import Table, Tile
from sakuga.evaluation.report.svg import number

Names = Mapping[str, str]
"""Metric names for readers, by key."""


def ranged(metric: Measurement) -> Range:
    """Convert a measurement for a chart.

    NaN if it was not measured.
    """
    match metric:
        case NotMeasured():
            return Range(value=nan)
        case Metric(value=value, low=low, high=high):
            return Range(value=value, low=nan if low is None else low, high=nan if high is None else high)


def bar(name: str, metrics: Iterable[Measurement]) -> Bar:
    """Return a group of bars, one for each measurement."""
    return Bar(name=name, values=tuple(ranged(metric) for metric in metrics))


def interval_text(metric: Metric) -> str:
    """Format a metric's interval.

    >>> interval_text(Metric(key="clip", value=31.0, n=8, low=30.0, high=32.0))
    '30.0 to 32.0'
    """
    return "–" if metric.low is None or metric.high is None else f"{number(metric.low)} to {number(metric.high)}"


def metrics_table(metrics: Sequence[Measurement], names: Names, caption: str) -> Table:
    """Build a table of metrics with interval, n and ceiling.

    For those not measured, the reason.
    """
    capped = any(isinstance(metric, Metric) and metric.ceiling is not None for metric in metrics)
    head = ("metric", "remark", "value", "95% interval", "n", *(["on true renders"] if capped else []))
    rows = tuple(_row(metric, names, capped=capped) for metric in metrics)
    if any(row[1] for row in rows):
        return Table(head=head, rows=rows, caption=caption, words=2)
    return Table(head=(head[0], *head[2:]), rows=tuple((row[0], *row[2:]) for row in rows), caption=caption)


def _row(metric: Measurement, names: Names, *, capped: bool) -> tuple[str, ...]:
    name = names.get(metric.key, metric.key)
    match metric:
        case NotMeasured(reason=reason, instead=instead):
            return (name, f"not measured: {reason}; {instead}", "–", "–", "–", *(["–"] if capped else []))
        case Metric():
            ceiling = [number(metric.ceiling) if metric.ceiling is not None else "–"] if capped else []
            return (name, metric.note, number(metric.value), interval_text(metric), str(metric.n), *ceiling)


def tile(name: str, metric: Measurement, *, difference: bool = False, beside: str = "") -> Tile:
    """Return a metric as a tile at the top of a page."""
    match metric:
        case NotMeasured(reason=reason):
            return Tile(name=name, value="–", note=reason)
        case Metric(value=value, n=n):
            ends = f"95% interval {interval_text(metric)}" if metric.interval else "no interval"
            note = ", ".join(filter(None, (beside, ends, f"n {n}")))
            return Tile(name=name, value=signed(value) if difference else number(value), note=note)
