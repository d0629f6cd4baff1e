"""Wording of counts, lists, names and sentences."""

import unicodedata
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any


def counted(count: int, one: str, more: str | None = None) -> str:
    """Return a count with its noun in the singular or plural.

    >>> counted(1, "image"), counted(0, "image"), counted(1, "image is", "images are")
    ('1 image', '0 images', '1 image is')
    """
    return f"{count} {one}" if count == 1 else f"{count} {more or one + 's'}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """Join names with commas and a final "and".

    >>> listed(["a", "b", "c"]), listed(["a", "b"], "or"), listed(["a"]), listed([])
    ('a, b and c', 'a or b', 'a', '')
    """
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def abridged(names: Sequence[str], most: int = 3) -> str:
    """Join the first names with commas and count the rest.

    >>> abridged(["a", "b", "c", "d", "e"]), abridged(["a", "b"])
    ('a, b, c and 2 more', 'a, b')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def lower_first(text: str) -> str:
    """Return the text with its first letter in lower case.

    >>> lower_first("Input should be a string")
    'input should be a string'
    """
    return text[:1].lower() + text[1:]


def upper_first(text: str) -> str:
    """Return the text with its first letter in upper case.

    >>> upper_first("the set has 3 images")
    'The set has 3 images'
    """
    return text[:1].upper() + text[1:]


def name_key(name: str) -> str:
    """Return what a name is compared by: whatever its letter case and Unicode form.

    >>> name_key("CAFE\N{COMBINING ACUTE ACCENT}.png") == name_key("caf\xe9.PNG")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def sayable(name: str) -> str:
    """Return a file name as text; bytes that are no UTF-8 become replacement characters.

    >>> sayable(b"caf\\xe9.png".decode("utf-8", "surrogateescape"))
    'caf\ufffd.png'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def finite(value: Any) -> Any:
    """Return values for JSON, which has no NaN and no infinity: None stands in their place.

    >>> finite({"kid": float("nan"), "scores": [1.5, float("inf")]})
    {'kid': None, 'scores': [1.5, None]}
    """
    match value:
        case float():
            return value if isfinite(value) else None
        case Mapping():
            return {key: finite(one) for key, one in value.items()}
        case list() | tuple():
            return [finite(one) for one in value]
        case _:
            return value
