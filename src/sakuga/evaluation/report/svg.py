"""SVG charts: elements, scales and ticks; colors are CSS classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

from markupsafe import Markup

WIDE, NARROW = 640.0, 352.0
"""The widths that every chart is drawn at, in pixels: for a page, and for a phone."""
Drawing: TypeAlias = tuple[float, Sequence[Element]]
"""The height of a chart, and its parts."""
LETTER = 8.0
"""The approximate width of a 13 px letter in the widest fallback font."""


def node(tag: str, *children: Element | str | None, **attributes: object) -> Element:
    """Build an element.

    `class_` is class, `stroke_width` stroke-width, None is left out.

    >>> tostring(node("text", "a < b", x=1.0, class_="label")).decode()
    '<text x="1" class="label">a &lt; b</text>'
    """
    named = {key.rstrip("_").replace("_", "-"): _attribute(value) for key, value in attributes.items() if value is not None}
    made = Element(tag, named)
    for child in children:
        if isinstance(child, str):
            made.text = child
        elif child is not None:
            made.append(child)
    return made


def words(text: str, x: float, y: float, class_: str = "label", anchor: str | None = None) -> Element:
    """Build a text centred vertically at y.

    `anchor` "end" ends it at x.
    """
    return node("text", text, x=x, y=y, class_=class_, text_anchor=anchor, dominant_baseline="central")


def _attribute(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def chart_svg(draw: Callable[[float], Drawing], label: str) -> Markup:
    """Build a chart's SVGs, one for each width, of which the page shows the one that fits; `label` is their accessible name."""
    return _svg(draw, WIDE, "broad", label) + _svg(draw, NARROW, "narrow", label)


def _svg(draw: Callable[[float], Drawing], width: float, kind: str, label: str) -> Markup:
    height, parts = draw(width)
    made = node("svg", *parts, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label, class_=kind)
    return Markup(tostring(made, encoding="unicode"))


def path(points: Sequence[tuple[float, float]]) -> str:
    """Return the SVG path through points.

    Broken at non-finite ones.
    """
    text, pen = "", "M"
    for x, y in points:
        if not (isfinite(x) and isfinite(y)):
            pen = "M"
            continue
        text += f"{pen}{x:.1f} {y:.1f}"
        pen = "L"
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A linear or logarithmic scale.

    It maps `low` to `start` and `high` to `stop`.
    """

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (log10(one) for one in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return self.start + (value - low) / ((high - low) or 1.0) * (self.stop - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Return about `count` round values within the scale."""
        if self.log:
            tens = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
            values = [step * 10.0**ten for ten in tens for step in (1, 2, 5)]
            return [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]
        return round_values(self.low, self.high, count)


def round_values(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round values from low to high.

    Heckbert 1990, "Nice numbers for graph labels".

    >>> round_values(0.0, 33.0)
    [0.0, 10.0, 20.0, 30.0]
    """
    step = _round_step((high - low) / max(1, count - 1))
    first = ceil(low / step - 1e-9)
    return [place * step for place in range(first, floor(high / step + 1e-9) + 1)]


def _round_step(rough: float) -> float:
    if not rough > 0:
        return 1.0
    ten = 10.0 ** floor(log10(rough))
    return next(step * ten for step in (1, 2, 5, 10) if rough <= step * ten * 1.5)


def number(value: float) -> str:
    """Format a number with three significant digits.

    >>> [number(value) for value in (31.987, 0.98765, 0.9999999, 1234567.0, 0.00012, -1e-9, -2.5, float("nan"))]
    ['32.0', '0.988', '1.00', '1,234,567', '0.00012', '0', '−2.50', '–']
    """
    if not isfinite(value):
        return "–"
    size = abs(value) if abs(value) >= 100 else abs(float(f"{value:.3g}"))
    if size < 1e-12:
        return "0"
    places = 0 if size >= 100 else min(6, 2 - floor(log10(size)))
    text = f"{size:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if size < 0.001 else text
    return ("−" if value < 0 and text != "0" else "") + text


def short(value: float) -> str:
    """Format a tick label.

    >>> [short(value) for value in (0.30000000000000004, 20.0, 0.0001, 2e6)]
    ['0.3', '20', '0.0001', '2,000,000']
    """
    size = abs(value)
    text = f"{size:,.6f}".rstrip("0").rstrip(".") if size < 1e4 else f"{size:,.0f}"
    return ("−" if value < 0 else "") + (text or "0")


def apart(ticks: Sequence[float], scale: Scale) -> list[float]:
    """Return the ticks of a horizontal scale whose labels do not overlap, from the first on."""
    kept, free = list[float](), -LETTER * 2
    for tick in ticks:
        half = LETTER * len(short(tick)) / 2
        if scale(tick) - half >= free:
            kept.append(tick)
            free = scale(tick) + half
    return kept


def clipped(text: str, letters: int) -> str:
    """Shorten a text that is too long.

    >>> clipped("a castle at sunset", 9)
    'a castle…'
    """
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"
