"""A page as plain data, and its HTML."""

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from PIL import Image

from sakuga.finishing.image import Picture as Pixels

QUALITY = 82
"""Of the pictures on a page, as WebP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """A paragraph."""

    text: str
    kind: str = "prose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of words and numbers; the first `words` columns are words, the others numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    words: int = 1
    kind: str = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing, and in its caption what it shows, of how many, and how they were measured."""

    title: str
    drawing: Markup
    caption: str
    kind: str = "chart"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """A picture on a page; what is below it is a word or a number."""

    pixels: Pixels
    about: str
    below: str = ""

    @property
    def source(self) -> str:
        """Return it as WebP within the page itself."""
        written = BytesIO()
        Image.fromarray(self.pixels).save(written, "WEBP", quality=QUALITY, method=4)
        return "data:image/webp;base64," + b64encode(written.getvalue()).decode()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strip:
    """Pictures in rows, such as the same prompt and seed drawn in several ways: each row has its words and one picture a column.

    With no `columns` the pictures flow, as many to a line as fit.
    """

    title: str
    rows: tuple[tuple[str, tuple[Picture, ...]], ...]
    caption: str
    columns: tuple[str, ...] = ()
    kind: str = "strip"


Block: TypeAlias = Prose | Table | Chart | Strip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """A part of a page."""

    title: str
    blocks: tuple[Block, ...]
    lede: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One of the few figures that are read first."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Page:
    """A report."""

    title: str
    lede: str
    sections: tuple[Section, ...]
    tiles: tuple[Tile, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    """What was measured and with what, by name."""
    picture: Picture | None = None


def html(page: Page) -> str:
    """Write a page as one HTML document that opens nothing else; all text in it is escaped."""
    return _template().render(page=page)


@cache
def _template() -> Template:
    here = FileSystemLoader(Path(__file__).parent)
    room = Environment(loader=here, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return room.get_template("page.html.j2")
