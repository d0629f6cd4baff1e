"""Split an idea into the scenes it tells, each of which names whom it is about and where."""

import re
import unicodedata

from sakuga.sketchbook.caption_reading import facts_in, read_labels
from sakuga.sketchbook.labels import Place
from sakuga.sketchbook.words import WORDING
from sakuga.story.storyboard import PREPOSITIONS
from sakuga.story.subject_extraction import DONE, subject_of

_TURN = re.compile(r"[.;!?]+(?:\s+|$)|,?\s+(?:and\s+)?then\s+", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(?:he|she|they|it)\b(?!\s+(?:is\s+)?(?:rain|snow|drizzl))", re.IGNORECASE)
_TWICE = re.compile(r"\b(\w+(?: \w+){0,4})(?:,? \1\b)+", re.IGNORECASE)
_DENIED = re.compile(r"(?:^|,\s*|\s+(?=with))(?:no|without(?: any)?)\s+([^,.;]+)", re.IGNORECASE)
_TELLS_ON = re.compile(r",\s+(?:and\s+)?(?:where\s+)?|\s+(?=(?:while|until)\s)")
LONG = 24
"""Words of a sentence beyond which what follows its commas gets shots of its own."""
_OVER = re.compile(
    r"\b(?:the )?(?:(?:rain|storm|snow|snowfall)(?: (?:stops|ends|passes)| is over)|(?:fog|mist|clouds?) (?:lifts?|clears?|parts?))\b",
    re.IGNORECASE,
)
_LEAVES = re.compile(r"\b(?:leaves|leave)\b", re.IGNORECASE)
_ARRIVES = re.compile(r"\b(?:reach(?:es)?|arrives?|comes? to|returns?|enters?|travels?|home)\b", re.IGNORECASE)


def sayable(idea: str) -> tuple[str, str]:
    """Return an idea without words said twice or denied, and what it denies; signs (emoji) are named where they are all there is.

    >>> sayable("a quiet lake, no people, at dusk at dusk")
    ('a quiet lake, at dusk', 'people')
    >>> sayable("\N{DRAGON}\N{FIRE}")
    ('dragon, fire', '')
    """
    signs = [letter for letter in idea if unicodedata.category(letter) in ("So", "Sk")]
    words = "".join(" " if letter in signs or unicodedata.category(letter) in ("Cf", "Mn") else letter for letter in idea)
    if not any(map(str.isalnum, words)):
        words = ", ".join(unicodedata.name(sign, "").lower() for sign in dict.fromkeys(signs))
    words = _TWICE.sub(r"\1", " ".join(words.split()))
    left = re.sub(r"^(?:just|only)\s+", "", _DENIED.sub("", words).strip(" ,"), flags=re.IGNORECASE)
    denied = [found.strip() for found in _DENIED.findall(words)]
    return (left, ", ".join(denied)) if any(map(str.isalnum, left)) else (words or idea, "")


def scenes_of(idea: str) -> list[str]:
    """Split an idea where one thing happens after another, and name whom its pronouns mean.

    >>> scenes_of("A boat leaves the village. Then it reaches a castle.")
    ['A boat leaves the village', 'a boat reaches a castle']
    >>> scenes_of("a windmill in a meadow on a sunny day, then it snows")
    ['a windmill in a meadow on a sunny day', 'a windmill in a meadow, it snows']
    """
    sentences = [re.sub(r"^then\s+", "", part.strip(" ,"), flags=re.IGNORECASE) for part in _TURN.split(idea)]
    parts = [clause for sentence in sentences for clause in _clauses(sentence)]
    scenes: list[str] = []
    whom = where = ""
    for part in filter(None, parts):
        part = _OVER.sub("the sky is clear", part)
        explicit = _PRONOUN.sub(lambda _, whom=whom: whom, part, count=1) if whom else part  # type: ignore[misc]
        here = where if read_labels(whom).place is None else ""
        scenes.append(f"{whom}{here}, {explicit[0].lower()}{explicit[1:]}" if whom and _only_sky(explicit) else explicit)
        whom = whom or subject_of(explicit)
        where = next((f" {WORDING['place', place].after[0]}" for place in (read_labels(explicit).place,) if place), where)
    return scenes or [idea]


def placed(scenes: list[str]) -> tuple[list[str], str]:
    """Say where each scene plays that does not say it, and goes nowhere; return the scenes, and the setting if it is one for all.

    >>> placed(["a girl in a forest", "a girl finds a cabin"])
    (['a girl in a forest', 'a girl finds a cabin'], 'in the forest')
    >>> placed(["a boat on the sea", "a boat meets a whale", "a boat on a lake"])
    (['a boat on the sea', 'a boat meets a whale, by the sea', 'a boat on a lake'], '')
    """
    own = [read_labels(scene).place for scene in scenes]
    at: list[Place | None] = []
    gone = False
    for scene, place in zip(scenes, own, strict=True):
        stays = bool(at) and not gone and not _ARRIVES.search(scene)
        at.append(place or (at[-1] if stays else None))
        gone = _LEAVES.search(scene) is not None
    where = [WORDING["place", place].after[0] if place else "" for place in at]
    if len(set(where)) == 1:
        return scenes, where[0]
    return [scene if place or not here else f"{scene}, {here}" for scene, place, here in zip(scenes, own, where, strict=True)], ""


def _only_sky(text: str) -> bool:
    """Return whether a text tells of light, weather and the sky alone, so that it goes on with the scene before."""
    facts = set(facts_in(text))
    return bool(facts) and all(name in ("time", "weather") or value in ("sun", "moon", "stars") for name, value in facts)


def _clauses(sentence: str) -> list[str]:
    """Split a long sentence that tells one thing after the other; whoever it is about is named in each of its parts."""
    clauses = [clause for clause in _TELLS_ON.split(sentence) if clause]
    told = sum(clause.split()[0].lower() in DONE or clause.lower().startswith(("while ", "until ")) for clause in clauses[1:])
    if len(sentence.split()) <= LONG or told == 0:
        return [sentence]
    whom = subject_of(sentence)
    parts = clauses[:1]
    for clause in clauses[1:]:
        clause = re.sub(r"^(?:while|until)\s+", "", clause)
        of_whom = clause.split()[0].lower() in DONE | PREPOSITIONS | {"along", "across", "past", "towards"}
        parts.append(f"{whom} {clause}" if of_whom else clause)
    return parts
