"""Reword a text for another time of day."""

import re

from sakuga.sketchbook.caption_reading import caption_phrases, fact_spans, flatten_text
from sakuga.sketchbook.labels import Time
from sakuga.sketchbook.words import WORDING, Fact
from sakuga.story.progressions import HAPPENS
from sakuga.story.storyboard import PREPOSITIONS

_WHEN = re.compile(r"\b(?:at|by|in)\s+(?:the\s+)?$", re.IGNORECASE)
_AGAIN = re.compile(r"\b(\w+(?: \w+){0,3}) and \1\b")


def reword_time(text: str, time: Time) -> str:
    """Replace phrases for a time of day by `time`.

    >>> reword_time("a quiet evening in the woods at dusk", "night")
    'a quiet night in the woods at night'
    """
    for start, stop, facts in reversed(fact_spans(flatten_text(text))):
        if any(attribute == "time" and value != time for attribute, value in facts):
            instead = _same_kind(flatten_text(text[start:stop]), facts, time)
            text = _agreeing(text[:start], instead) + instead + text[stop:]
    return _AGAIN.sub(r"\1", text)


def standardize_time(text: str, time: Time) -> str:
    """Replace synonyms of a time by its caption phrase.

    >>> standardize_time("a castle at sundown, birds", "sunset")
    'a castle at sunset, birds'
    """
    for start, stop, facts in reversed(fact_spans(flatten_text(text))):
        before = _WHEN.search(text[:start])
        if before and ("time", time) in facts and flatten_text(text[start:stop]) not in caption_phrases():
            text = text[: before.start()] + WORDING["time", time].after[0] + text[stop:]
    return text


def _same_kind(phrase: str, facts: tuple[Fact, ...], time: Time) -> str:
    """Return a phrase for `time` that fits grammatically.

    It keeps the weather that the old one stated.
    """
    target = WORDING["time", time]
    others = [fact for fact in facts if fact[0] == "weather"]
    if others:
        weather = WORDING[others[0]]
        return f"{weather.after[0]} {target.after[0]}" if phrase.split()[0] in PREPOSITIONS else weather.tags[0]
    own = WORDING.get(next(fact for fact in facts if fact[0] == "time"))
    if phrase.split()[0] in (*PREPOSITIONS, "during", "as") or len(facts) > 1:
        return target.after[0]
    if (own is not None and phrase in map(flatten_text, own.clauses)) or HAPPENS & set(phrase.split()):
        return target.clauses[0] if target.clauses else f"it is {target.tags[0]}"
    if own is not None and phrase in map(flatten_text, own.before) and phrase not in map(flatten_text, own.tags):
        return target.before[0]
    return target.tags[0]


def _agreeing(before: str, word: str) -> str:
    """Make a final article agree with a word."""
    article = "an" if word[0] in "aeiou" else "a"
    return re.sub(r"\b([Aa])n?(\s+)$", lambda found: (article if found[1] == "a" else article.capitalize()) + found[2], before)
