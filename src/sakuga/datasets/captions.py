"""Captions: reading, normalizing, and adding or removing trigger words."""

import codecs
import re
import unicodedata
from pathlib import Path

from sakuga.datasets.training_set import SetError
from sakuga.files import MAX_TEXT, read_bytes

BYTE_ORDER_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""Byte-order marks and their encodings."""


def read_text(path: Path, notes: list[str], most: int = MAX_TEXT) -> str:
    """Read a text file of any common encoding, of at most `most` bytes; raises SetError.

    By its byte-order mark, else as UTF-8, else as cp1252 with a note.
    """
    try:
        content = read_bytes(path, most)
    except OSError as error:
        raise SetError(f"{path} cannot be read ({error.strerror})") from None
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise SetError(f"{path} begins as {encoding} but is not valid {encoding}: save it as UTF-8") from None
        notes.append(f"{path.name} is not UTF-8: it is read as Western European (cp1252); if letters look wrong, save it as UTF-8")
        text = content.decode("cp1252", errors="replace")
    if "\0" in text:
        raise SetError(f"{path} contains zero bytes, like UTF-16 without a byte-order mark: save it as UTF-8")
    return text


def normalize(text: str) -> str:
    """Normalize a caption: one line, single spaces, Unicode NFC.

    >>> normalize("  a castle \\n by the sea ")
    'a castle by the sea'
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def contains_phrase(phrase: str, text: str) -> bool:
    """Return whether a caption contains a phrase.

    Whole words count, in any case.

    >>> contains_phrase("Ink style", "a boat, ink  style"), contains_phrase("ink", "a pink boat")
    (True, False)
    """
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    return bool(words) and re.search(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE) is not None


def add_trigger(text: str, trigger: str) -> str:
    """Append a trigger word to a caption that lacks it.

    >>> add_trigger("a boat.", "ink"), add_trigger("an ink boat", "ink"), add_trigger("", "ink")
    ('a boat, ink', 'an ink boat', 'ink')
    """
    if not trigger or contains_phrase(trigger, text):
        return text
    return ", ".join(filter(None, [text.rstrip(" .,"), trigger]))


def remove_trigger(text: str, trigger: str) -> str:
    """Remove a trigger word and its comma from a caption.

    >>> remove_trigger("a boat, Ink", "ink"), remove_trigger("ink, a boat", "ink"), remove_trigger("a pink boat", "ink")
    ('a boat', 'a boat', 'a pink boat')
    """
    if not contains_phrase(trigger, text):
        return text
    words = r"\s+".join(re.escape(word) for word in trigger.split())
    return normalize(re.sub(rf"[\s,]*(?<!\w){words}(?!\w)", "", text, flags=re.IGNORECASE)).strip(" ,")
