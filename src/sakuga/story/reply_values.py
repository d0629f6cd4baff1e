"""JSON and Python values in a text, also in one that breaks off."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

MAX_FAILURES = 20
"""Brackets that begin no value, so that nonsense costs no time."""
_BRACKET = re.compile(r"[\[{]")


def values_in(text: str, holds: Callable[[Any], bool]) -> Iterator[Any]:
    """Yield the outermost JSON or Python values for which `holds` is true.

    Keys are in lower case. Of a value that breaks off, all that is complete.
    """
    place, failures = 0, 0
    while failures < MAX_FAILURES and (found := _BRACKET.search(text, place)):
        value, length = _value(text[found.start() :])
        wanted = holds(value)
        failures += not wanted
        place = found.start() + (length if wanted else 1)
        if wanted:
            yield value


def _value(text: str) -> tuple[Any, int]:
    """Return the value at the start, and its length.

    Keys are in lower case; None if there is no value.
    """
    try:
        value, length = json.JSONDecoder(strict=False).raw_decode(text)
        return _lower_keys(value), length
    except (json.JSONDecodeError, RecursionError):
        pass
    for literal in _mended(text):
        for source in (literal, _without_comments(literal)):
            for read in (json.loads, ast.literal_eval):
                try:
                    return _lower_keys(read(source)), len(literal)
                except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
                    continue
    return None, 1


def _lower_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key).strip().lower(): _lower_keys(item) for key, item in value.items()}
    return [_lower_keys(item) for item in value] if isinstance(value, list) else value


def _without_comments(text: str) -> str:
    """Remove // and /* */ comments outside strings."""
    pattern = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
    return pattern.sub(lambda found: found[1] or " ", text)


def _mended(text: str) -> Iterator[str]:
    """Yield the literal at the start, closed where needed.

    Up to where its first bracket closes, or else cut back to complete items, longest first.
    """
    open_brackets, quote, escaped, comment, ends = "", "", False, "", []
    for place, letter in enumerate(text):
        if comment:
            comment = "" if (letter == "\n" if comment == "//" else text[place - 1 : place + 1] == "*/") else comment
        elif quote:
            if letter == quote and not escaped:
                quote = ""
            escaped = letter == "\\" and not escaped
        elif text[place : place + 2] in ("//", "/*"):
            comment = text[place : place + 2]
        elif letter == '"' or (letter == "'" and not text[place - 1].isalnum()):
            quote = letter
        elif letter in "[{":
            open_brackets += "]" if letter == "[" else "}"
        elif open_brackets.endswith(letter):
            open_brackets = open_brackets[:-1]
            if not open_brackets:
                yield text[: place + 1]
                return
            ends.append((place + 1, open_brackets))
        elif letter == "," and open_brackets:
            ends.append((place, open_brackets))
    ends += [(len(text), open_brackets)] if not quote else []
    for stop, brackets in reversed(ends[-40:]):
        yield text[:stop] + brackets[::-1]
