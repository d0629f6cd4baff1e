"""Lines of a film.toml that an error is about."""

import re
from dataclasses import dataclass

from sakuga.story.film import Film, FilmError, from_toml
from sakuga.web.refusal import Refused

TOML_LINE = re.compile(r"at line (\d+)")
SHOT = re.compile(r": shot (\d+)(?:\.([a-z_.]+)|:)? ?(?:has (?:camera |no |a )?)?([a-z_]+)?")
KEY = re.compile(r": ((?:film|bible|shots|[a-z_]+)(?:\.[a-z_]+)*): ")
IMPLIED = {"lasts": "seconds", "holds": "hold", "number": "", "on": "on"}
"""The keys that words of a sentence are about."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an error is."""

    key: str | None = None
    line: int | None = None


def parse_film(text: str) -> Film:
    """Read the text of a film.toml; raises Refused that names the line."""
    try:
        return from_toml(text)
    except FilmError as error:
        place = line_of(text, str(error))
        raise Refused(str(error), field=place.key, line=place.line) from None


def line_of(text: str, message: str) -> Place:
    """Find the line that a FilmError is about.

    >>> line_of('[film]\\nfps = 900\\n', "film.toml: film.fps: 900 is out of range")
    Place(key='film.fps', line=2)
    """
    lines = text.splitlines()
    if "is not TOML" in message:
        found = TOML_LINE.search(message)
        return Place(line=int(found[1]) if found else max(1, len(lines)))
    key = key_of(message)
    if key is None:
        return Place()
    table, *names = key.split(".")
    if table == "shots" and names:
        return Place(key=key, line=_line(lines, "[[shots]]", int(names[0]), names[1:]))
    return Place(key=key, line=_line(lines, f"[{table}]", 1, names))


def key_of(message: str) -> str | None:
    """Return the dotted key that a FilmError names.

    >>> key_of("film.toml: shot 2.guidance: 900 is out of range")
    'shots.2.guidance'
    >>> key_of("film.toml: shot 2 lasts 0 seconds; use a duration above 0")
    'shots.2.seconds'
    """
    if found := SHOT.search(message):
        word = found[2] or IMPLIED.get(found[3] or "", found[3])
        return f"shots.{found[1]}.{word}" if word else f"shots.{found[1]}"
    found = KEY.search(message)
    return found[1] if found else None


def _line(lines: list[str], table: str, number: int, names: list[str]) -> int | None:
    """Return the line of a key within a table, the `number`-th of its name, or the table's own."""
    seen, start = 0, None
    for place, line in enumerate(lines, 1):
        stripped = line.split("#")[0].strip()
        if stripped.startswith("["):
            if start is not None:
                return start
            seen += stripped == table
            start = place if stripped == table and seen == number else None
        elif start is not None and names and re.match(rf"{re.escape(names[0])}\s*[=.]", stripped):
            return place
    return start
