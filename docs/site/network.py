"""Check that built pages fetch nothing from other hosts."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

FETCHED = {"src", "srcset", "poster", "data", "background"}
STYLED = re.compile(r"""(?:url\(\s*['"]?|@import\s+['"])\s*((?:https?:)?//[^'")\s]+)""")
REMOTE_MARKERS = re.compile(r"""class="[^"]*\bmermaid\b|data-md-component="source\"""")
"""Markup that makes the theme's script fetch a library or repository numbers."""


class _Fetched(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "link" and not {"canonical", "next", "prev"} & set(values.get("rel", "").split()):
            self.addresses.append(values.get("href", ""))
        self.addresses += [value for name, value in values.items() if name in FETCHED]
        self.addresses += STYLED.findall(values.get("style", ""))


def fetched_from_elsewhere(folder: Path) -> Iterator[str]:
    """Yield each file of a built site that fetches from another host, with the address."""
    for page in sorted(folder.rglob("*.html")):
        text = page.read_text("utf-8")
        for address in addresses(text):
            yield f"{page.relative_to(folder)}: {address}"
    for sheet in sorted(folder.rglob("*.css")):
        for address in STYLED.findall(sheet.read_text("utf-8")):
            yield f"{sheet.relative_to(folder)}: {address}"


def addresses(page: str) -> list[str]:
    """List the addresses that a page fetches from other hosts; plain links do not count.

    >>> addresses('<a href="https://example.org">there</a> <img src="here.png"> <script src="//example.org/a.js"></script>')
    ['//example.org/a.js']
    """
    reader = _Fetched()
    reader.feed(page)
    styles = [found for block in re.findall(r"<style.*?</style>", page, re.DOTALL) for found in STYLED.findall(block)]
    fetched = [one for one in (*reader.addresses, *styles) if re.search(r"(?:^|\s)(?:https?:)?//", one)]
    return fetched + REMOTE_MARKERS.findall(page)
