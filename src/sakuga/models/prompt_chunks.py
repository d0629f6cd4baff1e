"""Chunks of long prompts, as AUTOMATIC1111 counts them."""

from collections.abc import Iterator

from sakuga.models.tokenization import Tokens
from sakuga.story.prompt_grammar import BREAK

MARKS = 2
"""The begin and end marks of a chunk."""
COMMA_REACH = 20
"""How far back a full chunk looks for a comma to end at, in tokens."""


def chunk_tokens(tokens: Tokens, text: str, size: int) -> list[Tokens]:
    """Divide a prompt's tokens into chunks of at most `size`, each with begin and end marks.

    `tokens` are those of `text`, marks included. BREAK begins a new chunk; a full one ends behind a comma among its last 20 tokens, if
    there is one. There is always one chunk.
    """
    begin, end = ((tokens.ids[place], tokens.offsets[place]) for place in (0, -1))
    inner = list(zip(tokens.ids[1:-1], tokens.offsets[1:-1], strict=True))
    chunks = [chunk for section in _sections(inner, text) for chunk in _full_chunks(section, text, size)]
    marked = ([begin, *chunk, end] for chunk in chunks or [[]])
    return [Tokens(tuple(number for number, _ in chunk), tuple(place for _, place in chunk)) for chunk in marked]


Piece = tuple[int, tuple[int, int]]
"""A token and its place in the text."""


def _sections(inner: list[Piece], text: str) -> Iterator[list[Piece]]:
    """Divide tokens at every BREAK, which is no token of a section."""
    breaks = [found.span() for found in BREAK.finditer(text)]
    starts = [0, *(stop for _, stop in breaks)]
    stops = [*(start for start, _ in breaks), len(text) + 1]
    for first, last in zip(starts, stops, strict=True):
        yield [piece for piece in inner if first <= piece[1][0] < last]


def _full_chunks(section: list[Piece], text: str, size: int) -> Iterator[list[Piece]]:
    chunk: list[Piece] = []
    comma = -1
    for piece in section:
        if text[slice(*piece[1])] == ",":
            comma = len(chunk)
        elif len(chunk) == size and comma >= 0 and size - comma <= COMMA_REACH:
            yield chunk[: comma + 1]
            chunk, comma = chunk[comma + 1 :], -1
        if len(chunk) == size:
            yield chunk
            chunk, comma = [], -1
        chunk.append(piece)
    yield chunk
