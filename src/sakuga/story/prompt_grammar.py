r"""Long and composed prompts, in the grammar of AUTOMATIC1111's web UI.

Beside emphasis (`story.emphasis`) there are `BREAK`, which begins a new chunk of 75 tokens; `AND`, which composes prompts, each with a
weight (`a castle AND snow :0.6`; Liu et al. 2022); `[first:second:0.5]`, `[added:0.5]` and `[removed::0.5]`, which change a prompt after a
share of the steps, or after a whole number of them; and `[one|other]`, which takes turns at each step. They nest, and `\[` is a literal
bracket.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from sakuga.story.emphasis import read_emphasis

BREAK = re.compile(r"(?<!\s)\s*\bBREAK\b\s*")
AND = re.compile(r"\bAND\b")
WEIGHT = re.compile(r":\s*(?P<weight>[-+]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20}))\s*\Z")
STEP = re.compile(r"\s*(\d{1,20}(?:\.\d{0,20})?|\.\d{1,20})\s*")
SIGN = re.compile(r"\\.|[\[\]()|:]", re.DOTALL)
WORD = re.compile(r"[^\W\d_]+|\d|[^\s\w]+")
LONG = 50
"""Estimated tokens from which a prompt counts as long; a prompt of fewer than 76 is encoded the same either way."""
MAX_DEPTH = 10
"""Square brackets inside each other that change a prompt; further ones are read literally."""
MANY = 1000
"""Steps of an imagined run, whose first and last steps show all that a prompt says."""
FULL_WIDTH = str.maketrans("（）［］｜", "()[]|")
FULL_WIDTH_COLON = re.compile(r"：(?=\s*[\d.]+\s*[)\]])")


@dataclass(frozen=True, slots=True)
class PromptPart:
    """A prompt that `AND` composes with others."""

    text: str
    weight: float = 1.0


def with_ascii_brackets(prompt: str) -> str:
    """Replace full-width brackets, and the colons of weights in them.

    >>> with_ascii_brackets("（a castle：1.3）")
    '(a castle:1.3)'
    """
    return FULL_WIDTH_COLON.sub(":", prompt.translate(FULL_WIDTH))


def uses_grammar(prompt: str) -> bool:
    """Return whether a prompt is long, has parts or chunks, or changes over the steps.

    >>> [uses_grammar(text) for text in ("a (red:1.2) castle", "a castle AND snow", "a [red|blue] castle", "[less]")]
    [False, True, True, False]
    """
    return is_long(prompt) or bool(BREAK.search(prompt) or AND.search(prompt)) or changes(prompt)


def is_long(prompt: str) -> bool:
    """Return whether a prompt may have more tokens than a text encoder reads at once, by its words."""
    return sum(1 + len(word.encode()) // 8 for word in WORD.findall(prompt)) >= LONG


def first_said_by(prompt: str) -> str:
    """Return what the first part of a prompt says at the first step."""
    return prompt_at(prompt_parts(prompt)[0].text, 0, MANY)


@lru_cache(maxsize=16_384)
def said_by(prompt: str, *, breaks: bool = False) -> tuple[str, ...]:
    """Return what a prompt says without its grammar: each part, at its first steps and at the last; `breaks` keeps BREAK.

    >>> said_by("a [red:blue:0.5] castle BREAK AND snow :2")
    ('a red castle ', 'a blue castle ', 'snow')
    """
    texts = (prompt_at(part.text, step, MANY) for part in prompt_parts(prompt) for step in (0, 1, 2, MANY - 1))
    return tuple(dict.fromkeys(text if breaks else BREAK.sub(" ", text) for text in texts))


@lru_cache(maxsize=16_384)
def emphasis_warnings(prompt: str) -> tuple[str, ...]:
    """Return the warnings about a prompt's emphasis, with the grammar's own brackets resolved."""
    texts = said_by(with_ascii_brackets(prompt))
    return tuple(dict.fromkeys(warning for text in texts for warning in read_emphasis(text).warnings))


@lru_cache(maxsize=4096)
def changes(prompt: str) -> bool:
    """Return whether a prompt changes over the steps."""
    return any(_alternatives(inside) or _switch(inside) for inside in _bracketed(prompt))


def prompt_parts(prompt: str) -> tuple[PromptPart, ...]:
    """Return the prompts that `AND` composes, with their weights.

    >>> prompt_parts("a castle AND snow :0.6")
    (PromptPart(text='a castle', weight=1.0), PromptPart(text='snow', weight=0.6))
    """
    pieces = AND.split(prompt)
    return tuple(map(_weighted, pieces)) if len(pieces) > 1 else (PromptPart(prompt),)  # a weight belongs to AND alone


def _weighted(piece: str) -> PromptPart:
    found = WEIGHT.search(piece)
    return PromptPart(piece[: found.start()].strip(), float(found["weight"])) if found else PromptPart(piece.strip())


def prompt_at(prompt: str, step: int, steps: int, depth: int = MAX_DEPTH) -> str:
    """Return what a prompt says at a step, which counts from 0 to `steps` - 1.

    >>> [prompt_at("a [red:[blue|grey]:0.5] castle", step, 4) for step in range(4)]
    ['a red castle', 'a red castle', 'a blue castle', 'a grey castle']
    """
    pieces, at = [], 0
    for start, stop in _outer_brackets(prompt) if depth else ():
        inside = prompt[start + 1 : stop]
        chosen = _chosen(inside, step, steps)
        pieces.append(prompt[at:start])
        said = prompt_at(inside if chosen is None else chosen, step, steps, depth - 1)
        pieces.append(f"[{said}]" if chosen is None else said)
        at = stop + 1
    return "".join([*pieces, prompt[at:]])


def _chosen(inside: str, step: int, steps: int) -> str | None:
    """Return what a bracket that changes says at a step; None for a bracket that does not."""
    if options := _alternatives(inside):
        return options[step % len(options)]
    if switch := _switch(inside):
        before, after, number = switch
        change = round(float(number) * steps, 6) if "." in number else float(number)
        return before if step < int(change) else after
    return None


def _alternatives(inside: str) -> list[str]:
    options = _split(inside, "|")
    return options if len(options) > 1 else []


def _switch(inside: str) -> tuple[str, str, str] | None:
    """Read "first:second:when" or "added:when"; None for anything else."""
    pieces = _split(inside, ":")
    if len(pieces) not in (2, 3) or not (when := STEP.fullmatch(pieces[-1])) or ("." in when[1] and float(when[1]) > 1):
        return None
    before, after = ("", pieces[0]) if len(pieces) == 2 else (pieces[0], pieces[1])
    return before, after, when[1]


def _bracketed(prompt: str, depth: int = MAX_DEPTH) -> Iterator[str]:
    """Yield the contents of all square brackets, nested ones too."""
    for start, stop in _outer_brackets(prompt) if depth else ():
        yield (inside := prompt[start + 1 : stop])
        yield from _bracketed(inside, depth - 1)


def _outer_brackets(prompt: str) -> list[tuple[int, int]]:
    """Return the places of outer square brackets and of those that close them."""
    found, open_places = list[tuple[int, int]](), list[int]()
    for place, sign in _signs(prompt):
        if sign == "[":
            open_places.append(place)
        elif sign == "]" and open_places:
            start = open_places.pop()
            while found and found[-1][0] > start:
                found.pop()
            found.append((start, place))
    return found


def _split(text: str, separator: str) -> list[str]:
    """Split a text where no bracket is open."""
    pieces, depth, start = list[str](), 0, 0
    for place, sign in _signs(text):
        if sign in "[(":
            depth += 1
        elif sign in "])":
            depth -= 1
        elif sign == separator and depth == 0:
            pieces.append(text[start:place])
            start = place + 1
    return [*pieces, text[start:]]


def _signs(text: str) -> list[tuple[int, str]]:
    """Return the marks of the grammar that no backslash makes literal."""
    return [(found.start(), found[0]) for found in SIGN.finditer(text) if len(found[0]) == 1]
