"""Lists of styles as one text: "comic:0.8, cel".

A style whose name has a comma stands in quotation marks, with its weight, as in CSV (RFC 4180): '"ink, wash:0.8", cel'.
"""

import re
from collections.abc import Iterable

PIECE = re.compile(r'\s*("(?:[^"]|"")*"|[^,]*)\s*(?:,|$)')


def split_styles(text: str) -> list[str]:
    """Return the styles of a list, each with its weight.

    >>> split_styles('"ink, wash:0.8", cel')
    ['ink, wash:0.8', 'cel']
    """
    pieces = (found[1].strip() for found in PIECE.finditer(text))
    return [_unquoted(piece) for piece in pieces if piece]


def join_styles(styles: Iterable[str]) -> str:
    """Write styles as `split_styles` reads them.

    >>> join_styles(["ink, wash:0.8", "cel"])
    '"ink, wash:0.8", cel'
    """
    return ", ".join(f'"{style.replace(chr(34), chr(34) * 2)}"' if "," in style or '"' in style else style for style in styles)


def _unquoted(piece: str) -> str:
    return piece[1:-1].replace('""', '"').strip() if len(piece) > 1 and piece[0] == piece[-1] == '"' else piece
