"""Read which facts a text states, by the vocabulary that the captions are made of."""

import re
from dataclasses import dataclass
from functools import cache
from itertools import chain, product
from typing import cast

from sakuga.sketchbook.foreign_words import EVERYDAY, NEUTRAL, QUALITY, STORY
from sakuga.sketchbook.labels import (
    DressColour,
    Expression,
    Extra,
    HairColour,
    HairLength,
    Look,
    Person,
    Place,
    Side,
    Subject,
    Time,
    Weather,
)
from sakuga.sketchbook.words import DRESSES, GARMENTS, HAIR, HAIR_LENGTHS, HEARD, JOINT, WORDING, Fact

_FUNCTION_WORDS = """
    a an the and or of in on at by with to from as while where there is are it its under over above below behind before beside near
    through into for picture painting drawing image illustration scene view landscape scenery close up portrait hair dress wearing
    dressed who that this these his her their one two three afar background sky far away front light lights wind air ground water
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
PORTRAIT_ATTRIBUTES = ("person", "hair", "hair_length", "dress", "expression")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The attributes that a text states; None, or no extras, where it states nothing. `close_up` says that it asks for a portrait."""

    time: Time | None = None
    weather: Weather | None = None
    place: Place | None = None
    subject: Subject | None = None
    side: Side | None = None
    extras: frozenset[Extra] = frozenset()
    close_up: bool = False
    person: Person | None = None
    hair: HairColour | None = None
    hair_length: HairLength | None = None
    dress: DressColour | None = None
    expression: Expression | None = None
    look: Look | None = None


_FLAT = str.maketrans(
    dict.fromkeys("-_\t\r\n\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}", " ") | {"\N{RIGHT SINGLE QUOTATION MARK}": "'"}
)


def flattened(text: str) -> str:
    """Return the text in lower case, with straight quotes, and spaces for hyphens: every character at its place."""
    lowered = ((letter, letter.lower()) for letter in text)
    return "".join(low if len(low) == 1 else letter for letter, low in lowered).translate(_FLAT)


def normalise(text: str) -> str:
    """Return the flattened text with single spaces."""
    return " ".join(flattened(text).split())


def _portrait_phrases() -> list[tuple[str, tuple[Fact, ...]]]:
    """Return every way to state hair and clothes: a colour alone ("red") states nothing, "long red hair" states two facts."""
    phrases: list[tuple[str, tuple[Fact, ...]]] = []
    colours = [(word, colour) for colour, words in HAIR.items() for word in words]
    lengths = [(word, length) for length, words in HAIR_LENGTHS.items() for word in words]
    for word, colour in colours:
        phrases += [(f"{word} {ending}", (("hair", colour),)) for ending in ("hair", "haired")]
    for word, length in lengths:
        phrases += [(f"{word} {ending}", (("hair_length", length),)) for ending in ("hair", "haired")]
    for (long, length), (red, colour), ending in product(lengths, colours, ("hair", "haired")):
        phrases.append((f"{long} {red} {ending}", (("hair", colour), ("hair_length", length))))
    garments = sorted(set(chain.from_iterable(GARMENTS.values())) | {"clothes", "robe", "gown", "cloak"})
    for colour, words in DRESSES.items():
        for word in words:
            phrases += [(f"{word} {garment}", (("dress", colour),)) for garment in garments]
            phrases += [(f"{verb} {word}", (("dress", colour),)) for verb in ("dressed in", "wearing")]
    return [*phrases, ("brunette", (("hair", "brown"), ("person", "woman"))), ("blonde", (("hair", "blond"),))]


@cache
def spoken() -> dict[str, tuple[Fact, ...]]:
    """Return every phrase of the captions that states something, normalised, with the facts it states: what the Sketchbook has learnt."""
    table: dict[str, tuple[Fact, ...]] = {normalise(phrase): facts for phrase, facts in JOINT.items()}
    for fact, wording in WORDING.items():
        mute = fact[0] == "subject"  # Its adjectives and verbs fit other things as well.
        phrases = wording.tags if mute else (*wording.tags, *wording.after, *wording.before, *wording.clauses)
        for phrase in phrases:
            table.setdefault(normalise(phrase), (fact,))
    for phrase, facts in _portrait_phrases():
        table.setdefault(normalise(phrase), facts)
    return table


@cache
def vocabulary() -> dict[str, tuple[Fact, ...]]:
    """Return what the captions say and, behind it, what is only heard: understood here, and not by the Sketchbook."""
    table = dict(spoken())
    for fact, heard in HEARD.items():
        for phrase in heard:
            table.setdefault(normalise(phrase), (fact,))
    return table


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(vocabulary(), key=lambda phrase: (-len(phrase), phrase))
    return re.compile(r"(?<![\w'])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w'])")


def spans_in(text: str) -> list[tuple[int, int, tuple[Fact, ...]]]:
    """Return start, stop and facts of every phrase of a flattened text that states something.

    Of phrases that begin at one place the longest counts.
    """
    table = vocabulary()
    return [(found.start(), found.end(), table[found.group()]) for found in _pattern().finditer(text)]


def facts_in(text: str) -> list[Fact]:
    """Return every fact that the text states, in its order."""
    return [fact for _, _, facts in spans_in(normalise(text)) for fact in facts]


def facts_spoken(text: str) -> set[Fact]:
    """Return the facts that a text states in words of the captions.

    >>> facts_spoken("a tower at sundown, it is snowing") == {("subject", "tower"), ("weather", "snow")}
    True
    """
    text = normalise(text)
    return {fact for start, stop, facts in spans_in(text) if text[start:stop] in spoken() for fact in facts}


def read_labels(text: str) -> Stated:
    """Return what a text states; where it contradicts itself the first word counts, and clothes or moods count only of a person."""
    first: dict[str, str] = {}
    extras: set[str] = set()
    for attribute, value in facts_in(text):
        if attribute == "extras":
            extras.add(value)
        else:
            first.setdefault(attribute, value)
    close_up = first.pop("close_up", None) is not None or "person" in first or "hair" in first
    if not close_up:
        first = {attribute: value for attribute, value in first.items() if attribute not in PORTRAIT_ATTRIBUTES}
    values = cast(dict[str, object], first)
    return Stated(extras=cast(frozenset[Extra], frozenset(extras)), close_up=close_up, **values)  # type: ignore[arg-type]


@cache
def known_words() -> frozenset[str]:
    """Return every word of the grammar and of the foreign words, normalised."""
    verbs = chain.from_iterable((*wording.clauses, *wording.before) for wording in WORDING.values())
    phrases = chain(spoken(), verbs, QUALITY, STORY, EVERYDAY, NEUTRAL, FUNCTION_WORDS)
    return frozenset(word for phrase in phrases for word in re.findall(r"[\w']+", normalise(phrase)))
