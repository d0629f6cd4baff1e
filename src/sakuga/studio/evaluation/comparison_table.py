"""A table of two sides' metrics and their differences."""

from collections.abc import Sequence
from dataclasses import dataclass

from sakuga.evaluation.metric import Measurement, Metric
from sakuga.evaluation.report import Table
from sakuga.evaluation.report.bars import signed
from sakuga.evaluation.report.metrics import interval_text
from sakuga.evaluation.report.svg import number
from sakuga.text import upper_first


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One metric of both sides, and the difference."""

    name: str
    sides: tuple[Measurement | None, Measurement | None]
    difference: Measurement | float | None = None


def comparison_table(lines: Sequence[ComparisonRow], names: tuple[str, str], caption: str) -> Table:
    """Build a table of both sides' metrics with intervals.

    Notes go into the caption.
    """
    notes = {line.name: one.note for line in lines for one in line.sides if isinstance(one, Metric) and one.note}
    explained = " ".join(f"{upper_first(name)}: {note}." for name, note in notes.items())
    return Table(
        head=("figure", *names, "difference", "n"),
        rows=tuple((line.name, *map(value_text, line.sides), _difference(line.difference), _n(line)) for line in lines),
        caption=f"{caption} {explained}".strip(),
    )


def value_text(metric: Measurement | None) -> str:
    """Format a metric with its interval.

    >>> value_text(Metric(key="clip", value=31.0, n=8, low=30.0, high=32.0))
    '31.0 [30.0 to 32.0]'
    """
    if not isinstance(metric, Metric):
        return "–"
    return f"{number(metric.value)} [{interval_text(metric)}]" if metric.interval else number(metric.value)


def _difference(metric: Measurement | float | None) -> str:
    if isinstance(metric, float):
        return signed(metric)
    if not isinstance(metric, Metric):
        return "–"
    return f"{signed(metric.value)} [{interval_text(metric)}]" if metric.interval else signed(metric.value)


def _n(line: ComparisonRow) -> str:
    return " and ".join(dict.fromkeys(str(one.n) for one in line.sides if isinstance(one, Metric)))
