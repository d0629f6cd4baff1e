"""Report pages as plain data, and their HTML."""

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from PIL import Image as PILImage

from sakuga.finishing.image import Image

QUALITY = 82
"""WebP quality of the images on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph."""

    text: str
    kind: str = "paragraph"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table.

    The first `words` columns are text, the others numbers.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    words: int = 1
    kind: str = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart.

    The caption says what it shows, of how many, and how it was measured.
    """

    title: str
    svg: Markup
    caption: str
    kind: str = "chart"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PageImage:
    """An image on a page with a short caption below."""

    pixels: Image
    alt: str
    caption: str = ""

    @property
    def source(self) -> str:
        """Return the image as a WebP data URL."""
        written = BytesIO()
        PILImage.fromarray(self.pixels).save(written, "WEBP", quality=QUALITY, method=4)
        return "data:image/webp;base64," + b64encode(written.getvalue()).decode()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strip:
    """Rows of images, each with a text.

    Such as the prompt; one image per column.

    Without `columns` the images flow, as many to a line as fit.
    """

    title: str
    rows: tuple[tuple[str, tuple[PageImage, ...]], ...]
    caption: str
    columns: tuple[str, ...] = ()
    kind: str = "strip"


Block: TypeAlias = Paragraph | Table | Chart | Strip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """A titled part of a page."""

    title: str
    blocks: tuple[Block, ...]
    lede: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A metric shown at the top of a page."""

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
    """What was measured, and with which models and settings."""
    picture: PageImage | None = None


def html(page: Page) -> str:
    """Render a page as one self-contained HTML document.

    All text is escaped.
    """
    return _template().render(page=page)


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("page.html.j2")
