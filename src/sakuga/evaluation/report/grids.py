"""Heat maps and scatter plots of a study's runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from xml.etree.ElementTree import Element

from markupsafe import Markup

from sakuga.evaluation.report.bars import legend, legend_height
from sakuga.evaluation.report.svg import LETTER, Drawing, Scale, apart, chart_svg, clipped, node, number, path, short, words

CELL = 38.0
WIDEST = 96.0
FEW = 6
"""The number of points up to which all are labelled."""


def heat(
    values: Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    y_name: str,
    x_name: str,
    label: str,
    within_manifold: Sequence[float] = (),
) -> Markup:
    """Plot a heat map, the highest value darkest and outlined.

    NaN is a missing run.

    For several maps that share one scale, `within_manifold` are the values of all of them.
    """
    return chart_svg(partial(_heat, values, rows, columns, y_name, x_name, within_manifold), label)


def _heat(
    values: Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    y_name: str,
    x_name: str,
    within_manifold: Sequence[float],
    width: float,
) -> Drawing:
    every = [value for value in (*(value for row in values for value in row), *within_manifold) if isfinite(value)]
    low, high = min(every, default=0.0), max(every, default=1.0)
    left = max(LETTER * max(len(row) for row in rows), 8.0) + 40
    wide = min(WIDEST, (width - left - 8) / len(columns))
    parts: list[Element] = [node("text", y_name, x=left - 10, y=16.0, class_="axis", text_anchor="end")]
    parts.append(node("text", x_name, x=left + wide * len(columns), y=34 + CELL * len(rows) + 36, class_="axis", text_anchor="end"))
    for down, row in enumerate(rows):
        y = 26 + down * CELL
        parts.append(words(row, left - 10, y + CELL / 2, "label", "end"))
        for across, value in enumerate(values[down]):
            parts += _cell(value, (value - low) / ((high - low) or 1.0), left + across * wide, y, wide, best=value == high)
    for across, column in enumerate(columns):
        middle, y = left + (across + 0.5) * wide, 26 + len(rows) * CELL + 18
        parts.append(node("text", clipped(column, int(wide / LETTER)), x=middle, y=y, class_="label", text_anchor="middle"))
    return 34 + CELL * len(rows) + 42, parts


def _cell(value: float, share: float, x: float, y: float, wide: float, *, best: bool) -> list[Element]:
    box = {"x": x + 1, "y": y + 1, "width": wide - 2, "height": CELL - 2, "rx": 2.0}
    across, down = x + wide / 2, y + CELL / 2
    if not isfinite(value):
        return [node("rect", **box, class_="cell none"), words("–", across, down, "label faint", "middle")]
    shade = node("rect", **box, class_="cell best" if best else "cell", style=f"--share:{8 + 82 * share:.0f}%")
    return [
        shade,
        words(f"{value:.2f}" if 0 <= value <= 1 else number(value), across, down, "inside dark" if share > 0.7 else "inside", "middle"),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A run at its cost and quality."""

    x: float
    y: float
    name: str
    series: int = 0
    low: float = float("nan")
    high: float = float("nan")


def front(points: Sequence[Point]) -> list[Point]:
    """Return the Pareto-optimal points, cheapest first.

    >>> one, two, three = (Point(x=x, y=y, name="") for x, y in ((1.0, 1.0), (2.0, 0.5), (3.0, 2.0)))
    >>> front([three, two, one]) == [one, three]
    True
    """
    best, optimal = float("-inf"), []
    for point in sorted(points, key=lambda one: (one.x, -one.y)):
        if point.y > best:
            best = point.y
            optimal.append(point)
    return optimal


def scatter(
    points: Sequence[Point], x_name: str, y_name: str, label: str, series: Sequence[str] = (), *, log: bool = False, best: bool = True
) -> Markup:
    """Plot runs by cost and quality.

    With `best`, the Pareto front too.
    """
    return chart_svg(partial(_scatter, points, x_name, y_name, series, log, best), label)


def _scatter(points: Sequence[Point], x_name: str, y_name: str, series: Sequence[str], log: bool, best: bool, width: float) -> Drawing:
    left, right, height = 58.0, width - 24, 320.0
    top, bottom = 24.0 + legend_height(series, left, width), height - 48
    x = _axis([point.x for point in points], left, right, log=log)
    y = _axis([end for point in points for end in (point.y, point.low, point.high) if isfinite(end)], bottom, top)
    parts: list[Element] = legend(series, left, width)
    for tick in y.ticks():
        parts.append(node("path", d=f"M{left:.1f} {y(tick):.1f}H{right:.1f}", class_="rule"))
        parts.append(words(short(tick), left - 8, y(tick), "tick", "end"))
    for tick in apart(x.ticks(), x):
        parts.append(node("path", d=f"M{x(tick):.1f} {bottom:.1f}v4", class_="zero"))
        parts.append(node("text", short(tick), x=x(tick), y=bottom + 18, class_="tick", text_anchor="middle"))
    parts.append(node("path", d=f"M{left:.1f} {bottom:.1f}H{right:.1f}", class_="zero"))
    parts.append(node("text", x_name, x=right, y=bottom + 38, class_="axis", text_anchor="end"))
    parts.append(node("text", y_name, x=0.0, y=top - 14, class_="axis"))
    if best and len(points) > 1:
        parts.append(node("path", d=path([(x(point.x), y(point.y)) for point in front(points)]), class_="front"))
    parts += _points(points, x, y)
    return height, parts


def _points(points: Sequence[Point], x: Scale, y: Scale) -> list[Element]:
    """Build the points.

    Labels for the Pareto-optimal ones where they fit, tooltips for all.
    """
    best = front(points)
    parts: list[Element] = []
    taken = [(x(point.x) - 6, x(point.x) + 6, y(point.y)) for point in points]
    for point in points:
        across, down = x(point.x), y(point.y)
        if isfinite(point.low) and isfinite(point.high):
            parts.append(node("path", d=f"M{across:.1f} {y(point.low):.1f}V{y(point.high):.1f}", class_="whisker"))
        dot = node("circle", cx=across, cy=down, r=5.0, class_=f"fill s{point.series} dot")
        dot.append(node("title", f"{point.name}: {number(point.x)}, {number(point.y)}"))
        parts.append(dot)
        wide = LETTER * len(point.name)
        ends = across + 9 + wide > x.stop
        first = across - 9 - wide if ends else across + 9
        if (
            (point in best or len(points) <= FEW)
            and first >= 0
            and all(abs(down - other) > 14 or first > stop or first + wide < start for start, stop, other in taken)
        ):
            parts.append(words(point.name, across + (-9 if ends else 9), down - 1, "label", "end" if ends else None))
            taken.append((first, first + wide, down))
    return parts


def _axis(values: Sequence[float], start: float, stop: float, *, log: bool = False) -> Scale:
    low, high = min(values), max(values)
    if log and low > 0:
        return Scale(low=low / 1.25, high=high * 1.25, start=start, stop=stop, log=True)
    margin = 0.08 * (high - low) or 0.5 * abs(high) or 0.5
    return Scale(low=low - margin, high=high + margin, start=start, stop=stop)
