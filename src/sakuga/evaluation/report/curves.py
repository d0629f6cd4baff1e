"""Line charts along a clip or a training run."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from xml.etree.ElementTree import Element

from markupsafe import Markup

from sakuga.evaluation.report.bars import legend, legend_height
from sakuga.evaluation.report.svg import Drawing, Scale, apart, chart_svg, node, path, short, words

LEFT, RIGHT = 52.0, 14.0
"""The margins."""
TALL, APART = 104.0, 34.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One value for each position of the axis.

    NaN breaks the line.
    """

    values: tuple[float, ...]
    series: int = 0
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    """The ends of a band around the line, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Curves on one scale, with an optional horizontal `limit`."""

    title: str
    curves: tuple[Curve, ...]
    limit: float | None = None
    from_zero: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A marked position on the axis.

    `plain` ones are borders between shots.
    """

    place: float
    name: str
    plain: bool = False
    to: float | None = None
    """The end of a marked range."""


def curves(
    panels: Sequence[Panel], along: Sequence[float], x_name: str, label: str, marks: Sequence[Mark] = (), series: Sequence[str] = ()
) -> Markup:
    """Plot panels over one axis, marks across all of them."""
    return chart_svg(partial(_curves, panels, along, x_name, marks, series), label)


def _curves(
    panels: Sequence[Panel], along: Sequence[float], x_name: str, marks: Sequence[Mark], series: Sequence[str], width: float
) -> Drawing:
    x = Scale(low=along[0], high=along[-1] if along[-1] > along[0] else along[0] + 1, start=LEFT, stop=width - RIGHT)
    top = legend_height(series, LEFT, width) + (18.0 if marks else 4.0)
    bottom = top + len(panels) * (TALL + APART) - APART + 22
    parts: list[Element] = legend(series, LEFT, width)
    parts += _marks(marks, x, top, bottom)
    for place, panel in enumerate(panels):
        parts += _panel(panel, along, x, top + place * (TALL + APART))
    for tick in apart(x.ticks(round(width / 70)), x):
        parts.append(node("text", short(tick), x=x(tick), y=bottom + 16, class_="tick", text_anchor="middle"))
    parts.append(node("text", x_name, x=x.stop, y=bottom + 33, class_="axis", text_anchor="end"))
    return bottom + 40, parts


def _panel(panel: Panel, along: Sequence[float], x: Scale, top: float) -> list[Element]:
    y = _upwards(panel, top + 22, top + 22 + TALL - 22)
    parts: list[Element] = [node("text", panel.title, x=LEFT, y=top + 11, class_="panel")]
    for tick in y.ticks(4):
        parts.append(node("path", d=f"M{x.start:.1f} {y(tick):.1f}H{x.stop:.1f}", class_="rule"))
        parts.append(words(short(tick), LEFT - 8, y(tick), "tick", "end"))
    if panel.limit is not None:
        parts.append(node("path", d=f"M{x.start:.1f} {y(panel.limit):.1f}H{x.stop:.1f}", class_="limit"))
    for curve in panel.curves:
        points = [(x(place), y(value)) for place, value in zip(along, curve.values, strict=True)]
        if curve.low:
            there = [(x(place), y(value)) for place, value in zip(along, curve.low, strict=True)]
            back = [(x(place), y(value)) for place, value in zip(along, curve.high, strict=True)][::-1]
            parts.append(node("path", d=path([*there, *back]) + "Z", class_=f"band s{curve.series}"))
        parts.append(node("path", d=path(points), class_=f"line s{curve.series}"))
        if len(points) <= 24:
            parts += [node("circle", cx=a, cy=b, r=2.4, class_=f"fill s{curve.series}") for a, b in points if isfinite(b)]
    return parts


def _upwards(panel: Panel, top: float, bottom: float) -> Scale:
    every = [value for curve in panel.curves for value in (*curve.values, *curve.low, *curve.high) if isfinite(value)]
    every += [panel.limit] if panel.limit is not None else []
    every += [0.0] if panel.from_zero or not every else []
    low, high = min(every), max(every)
    margin = 0.06 * (high - low) or 0.5
    return Scale(low=low if panel.from_zero and low == 0 else low - margin, high=high + margin, start=bottom, stop=top)


def _marks(marks: Sequence[Mark], x: Scale, top: float, bottom: float) -> list[Element]:
    """Build the marks.

    Names that would overlap are left out.
    """
    parts: list[Element] = []
    free = LEFT - 100
    for mark in sorted(marks, key=lambda one: one.place):
        at = x(mark.place)
        wide = max(x(mark.to) - at, 0.0) + 6.0 if mark.to is not None else 6.0
        if mark.plain:
            parts.append(node("path", d=f"M{at:.1f} {top:.1f}V{bottom:.1f}", class_="border"))
        else:
            parts.append(node("rect", x=at - 3, y=top, width=wide, height=bottom - top, class_="mark"))
        half = 3.4 * len(mark.name) + 3
        if at - half > free:
            parts.append(node("text", mark.name, x=at, y=top - 6, class_="axis" if mark.plain else "marked", text_anchor="middle"))
            free = at + half
    return parts
