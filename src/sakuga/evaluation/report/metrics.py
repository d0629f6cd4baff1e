"""Figures on a page: as tables, bars and tiles, always with their interval and n."""

from collections.abc import Iterable, Mapping, Sequence
from math import nan

from sakuga.evaluation.figure import Figure, Outcome, Refused
from sakuga.evaluation.report.bars import Bar, Range, signed
from sakuga.evaluation.report.page import Table, Tile
from sakuga.evaluation.report.svg import number

Names = Mapping[str, str]
"""What figures are called on a page, by their key."""


def ranged(outcome: Outcome) -> Range:
    """Return a figure as a bar shows it; one that was refused is missing."""
    match outcome:
        case Refused():
            return Range(value=nan)
        case Figure(value=value, low=low, high=high):
            return Range(value=value, low=nan if low is None else low, high=nan if high is None else high)


def bar(name: str, outcomes: Iterable[Outcome]) -> Bar:
    """Return a group of bars, one for each outcome."""
    return Bar(name=name, values=tuple(ranged(outcome) for outcome in outcomes))


def interval_words(figure: Figure) -> str:
    """Say between what ends a figure lies.

    >>> interval_words(Figure(key="clip", value=31.0, n=8, low=30.0, high=32.0))
    '30.0 to 32.0'
    """
    return "–" if figure.low is None or figure.high is None else f"{number(figure.low)} to {number(figure.high)}"


def figures_table(outcomes: Sequence[Outcome], names: Names, caption: str) -> Table:
    """Return all figures with interval, n and ceiling; of one that was refused, the reason and what to use instead."""
    capped = any(isinstance(outcome, Figure) and outcome.ceiling is not None for outcome in outcomes)
    head = ("figure", "remark", "value", "95% interval", "n", *(["on true renders"] if capped else []))
    rows = tuple(_row(outcome, names, capped=capped) for outcome in outcomes)
    if any(row[1] for row in rows):
        return Table(head=head, rows=rows, caption=caption, words=2)
    return Table(head=(head[0], *head[2:]), rows=tuple((row[0], *row[2:]) for row in rows), caption=caption)


def _row(outcome: Outcome, names: Names, *, capped: bool) -> tuple[str, ...]:
    name = names.get(outcome.key, outcome.key)
    match outcome:
        case Refused(reason=reason, instead=instead):
            return (name, f"not measured: {reason}; {instead}", "–", "–", "–", *(["–"] if capped else []))
        case Figure():
            ceiling = [number(outcome.ceiling) if outcome.ceiling is not None else "–"] if capped else []
            return (name, outcome.note, number(outcome.value), interval_words(outcome), str(outcome.n), *ceiling)


def tile(name: str, outcome: Outcome, *, difference: bool = False, beside: str = "") -> Tile:
    """Return a figure to be read first."""
    match outcome:
        case Refused(reason=reason):
            return Tile(name=name, value="–", note=reason)
        case Figure(value=value, n=n):
            ends = f"95% interval {interval_words(outcome)}" if outcome.interval else "no interval"
            said = ", ".join(filter(None, (beside, ends, f"n {n}")))
            return Tile(name=name, value=signed(value) if difference else number(value), note=said)
