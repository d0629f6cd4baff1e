"""Split an idea into scenes."""

import re
import unicodedata

from sakuga.sketchbook.caption_reading import facts_in, read_labels
from sakuga.sketchbook.labels import Place
from sakuga.sketchbook.words import WORDING
from sakuga.story.storyboard import PREPOSITIONS
from sakuga.story.subject_extraction import VERBS_OF_SUBJECTS, subject_of

_TURN = re.compile(r"(?<![.;!?])[.;!?]+(?:\s+|$)|,?\s+(?:and\s+)?then\s+", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(?:he|she|they|it)\b(?!\s+(?:is\s+)?(?:rain|snow|drizzl))", re.IGNORECASE)
_TWICE = re.compile(r"\b(\w+(?: \w+){0,4})(?:,? \1\b)+", re.IGNORECASE)
_DENIED = re.compile(r"(?:^|,\s*|\s+(?=with))(?:no|without(?: any)?)\s+([^,.;]+)", re.IGNORECASE)
_CLAUSE_BREAK = re.compile(r",\s+(?:and\s+)?(?:where\s+)?|\s+(?=(?:while|until)\s)")
LONG = 24
"""Words of a sentence beyond which its clauses get shots of their own."""
_OVER = re.compile(
    r"\b(?:(?:the )?(?:(?:rain|storm|snow|snowfall)(?: (?:stops|ends|passes)| is over)"
    r"|(?:fog|mist|clouds?|sky|skies|weather) (?:lifts?|clears?(?: up)?|parts?))|it clears up)\b",
    re.IGNORECASE,
)
_LEAVES = re.compile(r"\b(?:leaves|leave)\b", re.IGNORECASE)
_ARRIVES = re.compile(r"\b(?:reach(?:es)?|arrives?|comes? to|returns?|enters?|travels?|home)\b", re.IGNORECASE)


def clean_idea(idea: str) -> tuple[str, str]:
    """Return the idea and what it denies.

    Repeated and denied words are removed from the idea.

    Emoji are replaced by their names if there is nothing else.

    >>> clean_idea("a quiet lake, no people, at dusk at dusk")
    ('a quiet lake, at dusk', 'people')
    >>> clean_idea("🐉🔥")
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


def split_scenes(idea: str) -> list[str]:
    """Split an idea into scenes, and resolve pronouns.

    >>> split_scenes("A boat leaves the village. Then it reaches a castle.")
    ['A boat leaves the village', 'a boat reaches a castle']
    >>> split_scenes("a windmill in a meadow on a sunny day, then it snows")
    ['a windmill in a meadow on a sunny day', 'a windmill in a meadow, it snows']
    """
    turns = _TURN.split(" ".join(idea.split()))
    sentences = [re.sub(r"^then\s+", "", turn.strip(" ,"), flags=re.IGNORECASE) for turn in turns]
    parts = [clause for sentence in sentences for clause in _clauses(sentence)]
    scenes: list[str] = []
    subject = where = ""
    for part in filter(None, parts):
        part = _OVER.sub("the sky is clear", part)
        explicit = _PRONOUN.sub(lambda _, subject=subject: subject, part, count=1) if subject else part  # type: ignore[misc]
        here = where if read_labels(subject).place is None else ""
        scenes.append(f"{subject}{here}, {explicit[0].lower()}{explicit[1:]}" if subject and _only_sky(explicit) else explicit)
        subject = subject or subject_of(explicit)
        where = next((f" {WORDING['place', place].after[0]}" for place in (read_labels(explicit).place,) if place), where)
    return scenes or [idea]


def locate_scenes(scenes: list[str]) -> tuple[list[str], str]:
    """Add places to scenes; return their common setting too.

    >>> locate_scenes(["a girl in a forest", "a girl finds a cabin"])
    (['a girl in a forest', 'a girl finds a cabin'], 'in the forest')
    >>> locate_scenes(["a boat on the sea", "a boat meets a whale", "a boat on a lake"])
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
    """Return whether a text is about the sky only.

    Such a text continues the scene before.
    """
    facts = set(facts_in(text))
    return bool(facts) and all(name in ("time", "weather") or value in ("sun", "moon", "stars") for name, value in facts)


def _clauses(sentence: str) -> list[str]:
    """Split a long narrative sentence.

    Each part names the subject.
    """
    clauses = [clause for clause in _CLAUSE_BREAK.split(sentence) if clause]
    actions = sum(
        clause.split()[0].lower() in VERBS_OF_SUBJECTS or clause.lower().startswith(("while ", "until ")) for clause in clauses[1:]
    )
    if len(sentence.split()) <= LONG or actions == 0:
        return [sentence]
    subject = subject_of(sentence)
    parts = clauses[:1]
    for clause in clauses[1:]:
        clause = re.sub(r"^(?:while|until)\s+", "", clause)
        continues = clause.split()[0].lower() in VERBS_OF_SUBJECTS | PREPOSITIONS | {"along", "across", "past", "towards"}
        parts.append(f"{subject} {clause}" if continues else clause)
    return parts
