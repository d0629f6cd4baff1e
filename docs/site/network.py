"""See that pages fetch nothing from elsewhere when they are read."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

FETCHED = {"src", "srcset", "poster", "data", "background"}
STYLED = re.compile(r"""(?:url\(\s*['"]?|@import\s+['"])\s*((?:https?:)?//[^'")\s]+)""")
ASKS = re.compile(r"""class="[^"]*\bmermaid\b|data-md-component="source\"""")
"""What makes the theme's script fetch a library or figures of a repository; it fetches nothing else from elsewhere."""


class _Fetched(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "link" and not {"canonical", "next", "prev"} & set(said.get("rel", "").split()):
            self.addresses.append(said.get("href", ""))
        self.addresses += [value for name, value in said.items() if name in FETCHED]
        self.addresses += STYLED.findall(said.get("style", ""))


def fetched_from_elsewhere(folder: Path) -> Iterator[str]:
    """Yield each file of a built site that fetches from elsewhere, with the address."""
    for page in sorted(folder.rglob("*.html")):
        text = page.read_text("utf-8")
        for address in addresses(text):
            yield f"{page.relative_to(folder)}: {address}"
    for sheet in sorted(folder.rglob("*.css")):
        for address in STYLED.findall(sheet.read_text("utf-8")):
            yield f"{sheet.relative_to(folder)}: {address}"


def addresses(page: str) -> list[str]:
    """List what a page fetches from elsewhere; links that a reader may follow do not count.

    >>> addresses('<a href="https://example.org">there</a> <img src="here.png"> <script src="//example.org/a.js"></script>')
    ['//example.org/a.js']
    """
    reader = _Fetched()
    reader.feed(page)
    styles = [found for block in re.findall(r"<style.*?</style>", page, re.DOTALL) for found in STYLED.findall(block)]
    named = [one for one in (*reader.addresses, *styles) if re.search(r"(?:^|\s)(?:https?:)?//", one)]
    return named + ASKS.findall(page)
