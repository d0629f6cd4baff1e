"""Drawings as SVG: elements, scales and ticks. Colours are classes, so that one drawing suits light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from xml.etree.ElementTree import Element, tostring

from markupsafe import Markup

WIDTH = 640.0
"""Of every drawing, in units that are pixels where the page is wide enough."""
LETTER = 8.0
"""About the width of a letter of 13 pixels, in the widest of the fonts that a page falls back on."""


def node(tag: str, *children: Element | str | None, **attributes: object) -> Element:
    """Make an element; `class_` is class, `stroke_width` stroke-width, and what is None is left out.

    >>> tostring(node("text", "a < b", x=1.0, class_="label")).decode()
    '<text x="1" class="label">a &lt; b</text>'
    """
    named = {key.rstrip("_").replace("_", "-"): _said(value) for key, value in attributes.items() if value is not None}
    made = Element(tag, named)
    for child in children:
        if isinstance(child, str):
            made.text = child
        elif child is not None:
            made.append(child)
    return made


def words(text: str, x: float, y: float, class_: str = "label", anchor: str | None = None) -> Element:
    """Write words whose middle line is at y; `anchor` is "end" where they end at x."""
    return node("text", text, x=x, y=y, class_=class_, text_anchor=anchor, dominant_baseline="central")


def _said(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def drawing(height: float, about: str, *children: Element | None) -> Markup:
    """Close a drawing; `about` is what a screen reader says of it."""
    box = f"0 0 {WIDTH:g} {height:g}"
    return Markup(tostring(node("svg", *children, viewBox=box, role="img", aria_label=about), encoding="unicode"))


def path(points: Sequence[tuple[float, float]]) -> str:
    """Write a line through points; where one is not finite the line is broken."""
    said, pen = "", "M"
    for x, y in points:
        if not (isfinite(x) and isfinite(y)):
            pen = "M"
            continue
        said += f"{pen}{x:.1f} {y:.1f}"
        pen = "L"
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Where values lie on a drawing: `low` at `start`, `high` at `stop`; on a logarithmic one equal ways are equal ratios."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (log10(one) for one in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return self.start + (value - low) / ((high - low) or 1.0) * (self.stop - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Return round values within the scale, about so many."""
        if self.log:
            tens = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
            values = [step * 10.0**ten for ten in tens for step in (1, 2, 5)]
            return [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]
        return round_values(self.low, self.high, about)


def round_values(low: float, high: float, about: int = 5) -> list[float]:
    """Return round values from low to high, about so many (Heckbert 1990, "Nice numbers for graph labels").

    >>> round_values(0.0, 33.0)
    [0.0, 10.0, 20.0, 30.0]
    """
    step = _round_step((high - low) / max(1, about - 1))
    first = ceil(low / step - 1e-9)
    return [place * step for place in range(first, floor(high / step + 1e-9) + 1)]


def _round_step(rough: float) -> float:
    if not rough > 0:
        return 1.0
    ten = 10.0 ** floor(log10(rough))
    return next(step * ten for step in (1, 2, 5, 10) if rough <= step * ten * 1.5)


def number(value: float) -> str:
    """Write a number for people: three digits that count, and no powers of ten.

    >>> [number(value) for value in (31.987, 0.98765, 0.9999999, 1234567.0, 0.00012, -1e-9, -2.5, float("nan"))]
    ['32.0', '0.988', '1.00', '1,234,567', '0.00012', '0', '−2.50', '–']
    """
    if not isfinite(value):
        return "–"
    size = abs(value) if abs(value) >= 100 else abs(float(f"{value:.3g}"))
    if size < 1e-12:
        return "0"
    places = 0 if size >= 100 else min(6, 2 - floor(log10(size)))
    said = f"{size:,.{places}f}"
    said = said.rstrip("0").rstrip(".") if size < 0.001 else said
    return ("−" if value < 0 and said != "0" else "") + said


def short(value: float) -> str:
    """Write a tick: as few digits as it needs.

    >>> [short(value) for value in (0.30000000000000004, 20.0, 0.0001, 2e6)]
    ['0.3', '20', '0.0001', '2,000,000']
    """
    size = abs(value)
    said = f"{size:,.6f}".rstrip("0").rstrip(".") if size < 1e4 else f"{size:,.0f}"
    return ("−" if value < 0 else "") + (said or "0")


def clipped(text: str, letters: int) -> str:
    """Cut a text that is too long for its place.

    >>> clipped("a castle at sunset", 9)
    'a castle…'
    """
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"
