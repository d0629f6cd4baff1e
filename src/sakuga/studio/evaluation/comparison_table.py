"""The figures of two sides in one table, line by line."""

from collections.abc import Sequence
from dataclasses import dataclass

from sakuga.evaluation.figure import Figure, Outcome
from sakuga.evaluation.report import Table
from sakuga.evaluation.report.bars import signed
from sakuga.evaluation.report.figures import interval_words
from sakuga.evaluation.report.svg import number


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measure of both sides, and their difference."""

    name: str
    sides: tuple[Outcome | None, Outcome | None]
    difference: Outcome | float | None = None


def side_by_side(lines: Sequence[Line], names: tuple[str, str], caption: str) -> Table:
    """Lay figures out beside each other with their intervals; what each measures is said below, once."""
    notes = {line.name: one.note for line in lines for one in line.sides if isinstance(one, Figure) and one.note}
    said = " ".join(f"{name[0].upper()}{name[1:]}: {note}." for name, note in notes.items())
    return Table(
        head=("figure", *names, "difference", "n"),
        rows=tuple((line.name, *map(level, line.sides), _difference(line.difference), _n(line)) for line in lines),
        caption=f"{caption} {said}".strip(),
    )


def level(outcome: Outcome | None) -> str:
    """Write a figure with its interval.

    >>> level(Figure(key="clip", value=31.0, n=8, low=30.0, high=32.0))
    '31.0 [30.0 to 32.0]'
    """
    if not isinstance(outcome, Figure):
        return "–"
    return f"{number(outcome.value)} [{interval_words(outcome)}]" if outcome.interval else number(outcome.value)


def _difference(outcome: Outcome | float | None) -> str:
    if isinstance(outcome, float):
        return signed(outcome)
    if not isinstance(outcome, Figure):
        return "–"
    return f"{signed(outcome.value)} [{interval_words(outcome)}]" if outcome.interval else signed(outcome.value)


def _n(line: Line) -> str:
    return " and ".join(dict.fromkeys(str(one.n) for one in line.sides if isinstance(one, Figure)))
