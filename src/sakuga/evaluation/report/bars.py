"""Bar charts and difference charts with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from xml.etree.ElementTree import Element

from markupsafe import Markup

from sakuga.evaluation.report.svg import LETTER, NARROW, WIDE, Drawing, Scale, apart, chart_svg, clipped, node, number, short, words

BAR, GAP, APART = 15.0, 3.0, 16.0
"""Bar thickness, gap within a group, and gap between groups."""
WIDEST = 240.0
"""The widest label column."""
MARGIN, ABOVE = 8.0, 18.0
"""Left margin of narrow charts, and height of the names, which stand above their bars there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A value with its interval.

    NaN ends are not plotted, a NaN value is labelled as missing.
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")

    @property
    def ends(self) -> list[float]:
        return [one for one in (self.value, self.low, self.high) if isfinite(one)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A labelled group of values, one for each series."""

    name: str
    values: tuple[Range, ...]


def bars(groups: Sequence[Bar], series: Sequence[str], label: str) -> Markup:
    """Plot horizontal bars with intervals.

    One group per name, one color per series.
    """
    return chart_svg(partial(_bars, groups, series), label)


def _bars(groups: Sequence[Bar], series: Sequence[str], width: float) -> Drawing:
    ends = [end for group in groups for one in group.values for end in one.ends]
    low, high = min([0.0, *ends]), max([0.0, *ends]) or 1.0
    left, above = _column(groups, width)
    top = 8.0 + legend_height(series, left, width)
    scale = Scale(low=low, high=high, start=left, stop=width - 62)
    parts: list[Element] = legend(series, left, width)
    tall = above + len(series) * (BAR + GAP) - GAP
    bottom = top + len(groups) * (tall + APART) - APART + 8
    parts += _ruled(scale, top - 6, bottom)
    for place, group in enumerate(groups):
        y = top + place * (tall + APART)
        parts.append(_name(group.name, left, y + (above or tall) / 2))
        parts += [part for kind, one in enumerate(group.values) for part in _bar(one, kind, scale, y + above + kind * (BAR + GAP))]
    return bottom + 26, parts


def _bar(one: Range, kind: int, scale: Scale, y: float) -> list[Element]:
    zero, middle = scale(0.0), y + BAR / 2
    if not isfinite(one.value):
        return [words("not measured", zero + 6, middle, "value faint")]
    end = scale(one.value)
    box = node("rect", x=min(zero, end), y=y, width=abs(end - zero), height=BAR, rx=1.5, class_=f"fill s{kind}")
    right = max(scale(max(one.ends)), zero) + 7
    return [
        box,
        *_whisker(one, scale, middle),
        words(number(one.value), right, middle, "value"),
    ]


def _whisker(one: Range, scale: Scale, y: float, half: float = 4.0) -> list[Element]:
    if not (isfinite(one.low) and isfinite(one.high)):
        return []
    first, last = scale(one.low), scale(one.high)
    outline = f"M{first:.1f} {y - half:.1f}v{2 * half:.1f}M{first:.1f} {y:.1f}H{last:.1f}M{last:.1f} {y - half:.1f}v{2 * half:.1f}"
    return [node("path", d=outline, class_="whisker")]


def differences(groups: Sequence[Bar], series: Sequence[str], label: str) -> Markup:
    """Plot differences as points with intervals, against a zero line."""
    return chart_svg(partial(_differences, groups, series), label)


def _differences(groups: Sequence[Bar], series: Sequence[str], width: float) -> Drawing:
    ends = [end for group in groups for one in group.values for end in one.ends]
    reach = max([abs(end) for end in ends], default=1.0) or 1.0
    low, high = min([0.0, *ends]), max([0.0, *ends])
    left, above = _column(groups, width)
    top = 8.0 + legend_height(series, left, width)
    scale = Scale(low=min(low, -0.12 * reach), high=max(high, 0.12 * reach), start=left + 8, stop=width - 62)
    tall = above + len(series) * 22.0
    bottom = top + len(groups) * tall + 4
    parts: list[Element] = [*legend(series, left, width), *_ruled(scale, top - 6, bottom)]
    for place, group in enumerate(groups):
        y = top + place * tall
        parts.append(_name(group.name, left, y + (above or tall) / 2))
        for kind, one in enumerate(group.values):
            middle = y + above + kind * 22.0 + 11
            if isfinite(one.value):
                parts += _whisker(one, scale, middle)
                parts.append(node("circle", cx=scale(one.value), cy=middle, r=4.5, class_=f"fill s{kind + 1} dot"))
                parts.append(words(signed(one.value), scale(max(one.ends)) + 10, middle, "value"))
    return bottom + 26, parts


def signed(value: float) -> str:
    """Format a difference with its sign.

    >>> signed(0.25), signed(1e-9)
    ('+0.250', '0')
    """
    text = number(value)
    return f"+{text}" if value > 0 and text != "0" else text


def legend(series: Sequence[str], left: float, width: float) -> list[Element]:
    """Build the legend of two or more series."""
    parts: list[Element] = []
    for kind, (x, y) in enumerate(_legend_places(series, left, width)):
        parts.append(node("rect", x=x, y=y + 2.0, width=11.0, height=11.0, rx=2.0, class_=f"fill s{kind}"))
        parts.append(words(series[kind], x + 17, y + 7.5))
    return parts


def legend_height(series: Sequence[str], left: float, width: float) -> float:
    """Return the height of a legend."""
    places = _legend_places(series, left, width)
    return places[-1][1] + 22.0 if places else 0.0


def _legend_places(series: Sequence[str], left: float, width: float) -> list[tuple[float, float]]:
    if len(series) < 2:
        return []
    places, x, y = list[tuple[float, float]](), left, 0.0
    for name in series:
        wide = 17 + LETTER * len(name)
        if x > left and x + wide > width:
            x, y = left, y + 20
        places.append((x, y))
        x += wide + 24
    return places


def _column(groups: Sequence[Bar], width: float) -> tuple[float, float]:
    """Return the width of a column of names beside the bars and 0, or a margin and the height of names above them."""
    column = min(WIDEST, max((LETTER * len(group.name) for group in groups), default=0.0)) + 16
    return (column, 0.0) if width >= WIDE else (MARGIN, ABOVE)


def _name(name: str, left: float, y: float) -> Element:
    if left == MARGIN:
        made = words(clipped(name, int(NARROW / LETTER)), 0.0, y)
    else:
        made = words(clipped(name, int(WIDEST / LETTER)), left - 12, y, "label", "end")
    made.append(node("title", name))
    return made


def _ruled(scale: Scale, top: float, bottom: float) -> list[Element]:
    """Build the axis with lines at ticks and at zero."""
    parts: list[Element] = []
    for tick in apart(scale.ticks(), scale):
        x, zero = scale(tick), abs(tick) < 1e-9
        parts.append(node("path", d=f"M{x:.1f} {top:.1f}V{bottom:.1f}", class_="zero" if zero else "rule"))
        parts.append(node("text", short(tick), x=x, y=bottom + 17, class_="tick", text_anchor="middle"))
    return parts
