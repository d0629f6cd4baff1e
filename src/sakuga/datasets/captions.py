"""Captions: read from files of any encoding, tidied, and given a trigger word."""

import codecs
import re
import unicodedata
from pathlib import Path

from sakuga.datasets.training_set import SetError

MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""Byte-order marks, and what is written behind them (of UTF-32 no caption was ever seen)."""


def read_text(path: Path, notes: list[str]) -> str:
    """Read a text file by its byte-order mark, as UTF-8, or else as Windows' Western European, which is noted; raises SetError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SetError(f"{path} cannot be read ({error.strerror})") from None
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise SetError(f"{path} begins as {encoding} and does not go on so: save it as UTF-8") from None
        notes.append(f"{path.name} is no UTF-8: it is read as Western European (cp1252); where letters are wrong, save it as UTF-8")
        text = content.decode("cp1252", errors="replace")
    if "\0" in text:
        raise SetError(f"{path} holds zero bytes, as UTF-16 without its mark would: save it as UTF-8")
    return text


def tidied(text: str) -> str:
    """Bring a caption into one line, its letters composed.

    >>> tidied("  a castle \\n by the sea ")
    'a castle by the sea'
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def says(trigger: str, text: str) -> bool:
    """Return whether a caption says a trigger word, whole and in whatever case.

    >>> says("Ink style", "a boat, ink  style"), says("ink", "a pink boat")
    (True, False)
    """
    words = r"\s+".join(re.escape(word) for word in trigger.split())
    return bool(words) and re.search(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE) is not None


def with_trigger(text: str, trigger: str) -> str:
    """Put a trigger word at the end of a caption that does not say it, where prompts will have it too.

    >>> with_trigger("a boat.", "ink"), with_trigger("an ink boat", "ink"), with_trigger("", "ink")
    ('a boat, ink', 'an ink boat', 'ink')
    """
    if not trigger or says(trigger, text):
        return text
    return ", ".join(filter(None, [text.rstrip(" .,"), trigger]))


def without_trigger(text: str, trigger: str) -> str:
    """Take a trigger word out of a caption, wherever it stands, with the comma before it.

    >>> without_trigger("a boat, Ink", "ink"), without_trigger("ink, a boat", "ink"), without_trigger("a pink boat", "ink")
    ('a boat', 'a boat', 'a pink boat')
    """
    if not says(trigger, text):
        return text
    words = r"\s+".join(re.escape(word) for word in trigger.split())
    return tidied(re.sub(rf"[\s,]*(?<!\w){words}(?!\w)", "", text, flags=re.IGNORECASE)).strip(" ,")
