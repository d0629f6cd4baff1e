"""Read the facts that a text states."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, product
from typing import cast

from sakuga.sketchbook.filler_words import EVERYDAY, NEUTRAL, QUALITY, STORY
from sakuga.sketchbook.labels import (
    DressColor,
    Expression,
    Extra,
    HairColor,
    HairLength,
    Look,
    Person,
    Place,
    Side,
    Subject,
    Time,
    Weather,
)
from sakuga.sketchbook.translations import TRANSLATIONS
from sakuga.sketchbook.words import DRESSES, GARMENTS, HAIR, HAIR_LENGTHS, JOINT, PLURALS, SYNONYMS, TWO, WORDING, Fact

_FUNCTION_WORDS = """
    a an the and or of in on at by with to from as while where there is are it its under over above below behind before beside near
    through into for picture painting drawing image illustration scene view landscape scenery close up portrait hair dress wearing
    dressed who that this these his her their one two three afar background sky far away front light lights wind air ground water
    another pair twin next not along
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
NOT_LEARNT = frozenset({"action"})
"""Attributes that the world shows and the shipped model has yet to learn; words for them count as unknown."""
PORTRAIT_ATTRIBUTES = ("person", "hair", "hair_length", "dress", "expression")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """Attributes stated by a text; None or empty otherwise.

    `close_up` is True for portraits.
    """

    time: Time | None = None
    weather: Weather | None = None
    place: Place | None = None
    subject: Subject | None = None
    side: Side | None = None
    extras: frozenset[Extra] = frozenset()
    close_up: bool = False
    person: Person | None = None
    hair: HairColor | None = None
    hair_length: HairLength | None = None
    dress: DressColor | None = None
    expression: Expression | None = None
    look: Look | None = None
    second: Subject | None = None
    walking: bool = False
    """Whether a person is shown whole, which is no portrait."""


_FLAT = str.maketrans(
    dict.fromkeys("-_\t\r\n\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}", " ") | {"\N{RIGHT SINGLE QUOTATION MARK}": "'"}
)


def flatten_text(text: str) -> str:
    """Return lower-case text with straight quotes and without hyphens.

    Every character keeps its index.
    """
    if text.isascii():
        return text.lower().translate(_FLAT)
    lowered = ((letter, letter.lower()) for letter in text)
    return "".join(low if len(low) == 1 else letter for letter, low in lowered).translate(_FLAT)


def normalise(text: str) -> str:
    """Return the flattened text with single spaces."""
    return " ".join(flatten_text(text).split())


def _phrases_of_two_facts() -> list[tuple[str, tuple[Fact, ...]]]:
    """Return every phrase for hair, clothes and pairs.

    A color alone ("red") states nothing, "long red hair" states two facts.
    """
    phrases: list[tuple[str, tuple[Fact, ...]]] = []
    colors = [(word, color) for color, words in HAIR.items() for word in words]
    lengths = [(word, length) for length, words in HAIR_LENGTHS.items() for word in words]
    for word, color in colors:
        phrases += [(f"{word} {ending}", (("hair", color),)) for ending in ("hair", "haired")]
    for word, length in lengths:
        phrases += [(f"{word} {ending}", (("hair_length", length),)) for ending in ("hair", "haired")]
    for (long, length), (red, color), ending in product(lengths, colors, ("hair", "haired")):
        phrases.append((f"{long} {red} {ending}", (("hair", color), ("hair_length", length))))
    garments = sorted(set(chain.from_iterable(GARMENTS.values())) | {"clothes", "robe", "gown", "cloak"})
    for color, words in DRESSES.items():
        for word in words:
            phrases += [(f"{word} {garment}", (("dress", color),)) for garment in garments]
            phrases += [(f"{verb} {word}", (("dress", color),)) for verb in ("dressed in", "wearing")]
    phrases += [(f"{two} {plural}", (("subject", name), ("second", name))) for two in TWO for name, plural in PLURALS.items()]
    return [*phrases, ("brunette", (("hair", "brown"), ("person", "woman"))), ("blonde", (("hair", "blond"),))]


@cache
def caption_phrases() -> dict[str, tuple[Fact, ...]]:
    """Return the caption phrases that state facts."""
    table: dict[str, tuple[Fact, ...]] = {normalise(phrase): facts for phrase, facts in JOINT.items()}
    for fact, wording in WORDING.items():
        silent = fact[0] == "subject"  # its adjectives and verbs fit other things too
        phrases = wording.tags if silent else (*wording.tags, *wording.after, *wording.before, *wording.clauses)
        for phrase in phrases:
            table.setdefault(normalise(phrase), (fact,))
    for phrase, facts in _phrases_of_two_facts():
        table.setdefault(normalise(phrase), facts)
    return table


@cache
def known_phrases() -> dict[str, tuple[Fact, ...]]:
    """Return caption phrases, synonyms and translations.

    The Sketchbook itself knows the caption phrases only.
    """
    table = dict(caption_phrases())
    for fact, phrases in chain(SYNONYMS.items(), TRANSLATIONS.items()):
        for phrase in phrases:
            table.setdefault(normalise(phrase), (fact,))
    return table


@cache
def _pattern() -> re.Pattern[str]:
    longest_first = sorted(known_phrases(), key=lambda phrase: (-len(phrase), phrase))
    return re.compile(r"(?<![\w'])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w'])")


def fact_spans(text: str) -> list[tuple[int, int, tuple[Fact, ...]]]:
    """Return start, stop and facts of each stating phrase.

    `text` is flattened; the longest phrase at each place counts.
    """
    table = known_phrases()
    return [(found.start(), found.end(), table[found.group()]) for found in _pattern().finditer(text)]


@lru_cache(maxsize=1024)
def facts_in(text: str) -> tuple[Fact, ...]:
    """Return every fact of a text, in order."""
    return tuple(fact for _, _, facts in fact_spans(normalise(text)) for fact in facts)


def caption_facts(text: str) -> set[Fact]:
    """Return the facts stated in caption phrases.

    >>> caption_facts("a tower at sundown, it is snowing") == {("subject", "tower"), ("weather", "snow")}
    True
    """
    text = normalise(text)
    return {fact for start, stop, facts in fact_spans(text) if text[start:stop] in caption_phrases() for fact in facts}


def read_labels(text: str) -> Stated:
    """Return the labels that a text states.

    The first of contradicting words counts; clothes and expressions count only with a person.
    """
    first: dict[str, str] = {}
    extras: set[str] = set()
    for attribute, value in facts_in(text):
        if attribute == "extras":
            extras.add(value)
        elif attribute == "subject" and first.get("subject", value) != value:
            first.setdefault("second", value)
        else:
            first.setdefault(attribute, value)
    person = "person" in first or "hair" in first
    named = first.pop("close_up", None) is not None
    walking = first.pop("action", None) is not None and person and not named
    close_up = named or (person and not walking)
    if not close_up and not walking:
        first = {attribute: value for attribute, value in first.items() if attribute not in PORTRAIT_ATTRIBUTES}
    values = cast(dict[str, object], first)
    found = cast(frozenset[Extra], frozenset(extras))
    return Stated(extras=found, close_up=close_up, walking=walking, **values)  # type: ignore[arg-type]


@cache
def known_words() -> frozenset[str]:
    """Return every word that the captions of the shipped model can contain."""
    learnt = (wording for (attribute, _), wording in WORDING.items() if attribute not in NOT_LEARNT)
    verbs = chain.from_iterable((*wording.clauses, *wording.before) for wording in learnt)
    read = (phrase for phrase, facts in caption_phrases().items() if not any(attribute in NOT_LEARNT for attribute, _ in facts))
    phrases = chain(read, verbs, QUALITY, STORY, EVERYDAY, NEUTRAL, FUNCTION_WORDS)
    return frozenset(word for phrase in phrases for word in re.findall(r"[\w']+", normalise(phrase)))
