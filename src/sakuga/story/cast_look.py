"""The look of a subject: what an idea leaves open, fixed once for all shots.

A look is written as a caption's tags, with commas between: "long brown hair, blue dress", "red roof", "white boat", "green dragon".
"""

import random
import re
from collections.abc import Iterator
from functools import cache

from sakuga.sketchbook.caption_reading import caption_phrases, fact_spans, facts_in, flatten_text, normalise
from sakuga.sketchbook.words import DRESSES, GARMENTS, HAIR, SYNONYMS

NATURAL_HAIR = ("black", "brown", "blond", "red")
LENGTHS = {"girl": ("long", "short"), "woman": ("long", "short"), "boy": ("short",), "man": ("short",)}
THINGS = {
    "cottage": ("roof", ("red", "blue", "orange")),
    "cabin": ("roof", ("red", "blue", "orange")),
    "houses": ("roof", ("red", "blue", "orange")),
    "castle": ("roof", ("red", "blue", "orange")),
    "windmill": ("roof", ("red", "blue", "orange")),
    "boat": ("boat", ("white", "red", "yellow")),  # of "white sails" the Sketchbook draws a windmill
    "dragon": ("dragon", ("green", "red", "blue", "purple")),
    "balloon": ("balloon", ("red", "orange", "blue", "purple")),
}
"""What has a color of its own, by subject, and its colors."""
COLORS = frozenset((*HAIR, *DRESSES, "blonde", "golden", "grey", "gray", "pink", "turquoise", "silver"))


def open_look(subject: str, seed: int, avoided: str = "") -> str:
    """Return the look that a subject's words leave open, or "".

    One subject and seed give the same look. Words of `avoided` are not in it if others are left.

    >>> open_look("a girl with red hair", 0), open_look("a boat with white sails", 0), open_look("a lake", 0)
    ('long hair, white dress', '', '')
    """
    stated = facts_in(subject)
    kinds = {fact for fact in stated if fact[0] in ("subject", "person")}
    if len(kinds) != 1 or not _is_english(subject):
        return ""
    rng = random.Random(f"{seed}/{subject.lower()}")
    ((attribute, kind),) = kinds
    pieces = _person(kind, {name for name, _ in stated}, rng, avoided) if attribute == "person" else _thing(kind, subject, rng, avoided)
    return ", ".join(pieces)


def _person(person: str, stated: set[str], rng: random.Random, avoided: str) -> Iterator[str]:
    length, color, dress = (_choice(words, rng, avoided) for words in (LENGTHS[person], NATURAL_HAIR, tuple(DRESSES)))
    if words := [word for name, word in (("hair_length", length), ("hair", color)) if name not in stated]:
        yield f"{' '.join(words)} hair"
    if "dress" not in stated:
        yield f"{dress} {GARMENTS[person][0]}"


def _thing(kind: str, subject: str, rng: random.Random, avoided: str) -> Iterator[str]:
    if kind in THINGS and COLORS.isdisjoint(flatten_text(subject).split()):
        part, colors = THINGS[kind]
        yield f"{_choice(colors, rng, avoided)} {part}"


def _choice(words: tuple[str, ...], rng: random.Random, avoided: str) -> str:
    left = [word for word in words if word not in flatten_text(avoided).split()]
    return rng.choice(left or words)


@cache
def _english() -> frozenset[str]:
    return frozenset((*caption_phrases(), *(normalise(phrase) for phrases in SYNONYMS.values() for phrase in phrases)))


def _is_english(subject: str) -> bool:
    """Return whether the subject is named in English, not by a translation."""
    text = flatten_text(subject)
    return all(text[start:stop] in _english() for start, stop, _ in fact_spans(text))


def pieces_of(look: str) -> list[str]:
    """Return the pieces of a look."""
    return [piece for piece in (piece.strip() for piece in look.split(",")) if piece]


def is_stated(piece: str, text: str) -> bool:
    """Return whether a text states a piece of a look already.

    >>> is_stated("green dragon", "a dragon over green hills"), is_stated("long hair", "a girl with long red hair")
    (False, True)
    """
    facts = set(facts_in(piece)) - {fact for fact in facts_in(piece) if fact[0] == "subject"}
    return facts <= set(facts_in(text)) if facts else normalise(piece) in normalise(text)


def contradiction(piece: str, text: str) -> str | None:
    """Return the words of a text that contradict a piece of a look, or None.

    They state another hair or dress, or another color of the same thing.

    >>> contradiction("long brown hair", "a girl with short hair"), contradiction("green dragon", "a red dragon flies")
    ('short hair', 'red dragon')
    >>> contradiction("red roof", "a cottage under a blue sky") is None
    True
    """
    own = {name: value for name, value in facts_in(piece) if name in ("hair", "hair_length", "dress")}
    flat = flatten_text(text)
    for start, stop, facts in fact_spans(flat):
        if any(own.get(name, value) != value for name, value in facts):
            return text[start:stop]
    *_, color, thing = ("", *flatten_text(piece).split())
    for found in re.finditer(rf"\b(\w+) {re.escape(thing)}\b", flat):
        if color in COLORS and found[1] in COLORS - {color}:
            return text[found.start() : found.end()]
    return None
