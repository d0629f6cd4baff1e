"""Say an idea again at another time of day, in its own words and order."""

import re

from sakuga.sketchbook.caption_reading import flattened, spans_in, spoken
from sakuga.sketchbook.labels import Time
from sakuga.sketchbook.words import WORDING, Fact
from sakuga.story.courses import HAPPENS
from sakuga.story.storyboard import PREPOSITIONS

_WHEN = re.compile(r"\b(?:at|by|in)\s+(?:the\s+)?$", re.IGNORECASE)
_AGAIN = re.compile(r"\b(\w+(?: \w+){0,3}) and \1\b")


def retold(text: str, time: Time) -> str:
    """Replace every word for the time of day by one for `time` of the same kind; a text without any stays as it is.

    >>> retold("a quiet evening in the woods at dusk", "night")
    'a quiet night in the woods at night'
    """
    for start, stop, facts in reversed(spans_in(flattened(text))):
        if any(attribute == "time" and value != time for attribute, value in facts):
            instead = _same_kind(flattened(text[start:stop]), facts, time)
            text = _agreeing(text[:start], instead) + instead + text[stop:]
    return _AGAIN.sub(r"\1", text)


def plainly(text: str, time: Time) -> str:
    """Say a time of day that has a phrase of its own as the captions do.

    >>> plainly("a castle at sundown, birds", "sunset")
    'a castle at sunset, birds'
    """
    for start, stop, facts in reversed(spans_in(flattened(text))):
        before = _WHEN.search(text[:start])
        if before and ("time", time) in facts and flattened(text[start:stop]) not in spoken():
            text = text[: before.start()] + WORDING["time", time].after[0] + text[stop:]
    return text


def _same_kind(phrase: str, facts: tuple[Fact, ...], time: Time) -> str:
    """Return words for `time` that fit where the phrase stood, and what else it says of the weather."""
    target = WORDING["time", time]
    others = [fact for fact in facts if fact[0] == "weather"]
    if others:
        weather = WORDING[others[0]]
        return f"{weather.after[0]} {target.after[0]}" if phrase.split()[0] in PREPOSITIONS else weather.tags[0]
    own = WORDING.get(next(fact for fact in facts if fact[0] == "time"))
    if phrase.split()[0] in (*PREPOSITIONS, "during", "as") or len(facts) > 1:
        return target.after[0]
    if (own is not None and phrase in map(flattened, own.clauses)) or HAPPENS & set(phrase.split()):
        return target.clauses[0] if target.clauses else f"it is {target.tags[0]}"
    if own is not None and phrase in map(flattened, own.before) and phrase not in map(flattened, own.tags):
        return target.before[0]
    return target.tags[0]


def _agreeing(before: str, word: str) -> str:
    """Make a final "a" or "an" fit the word that now follows."""
    article = "an" if word[0] in "aeiou" else "a"
    return re.sub(r"\b([Aa])n?(\s+)$", lambda found: (article if found[1] == "a" else article.capitalize()) + found[2], before)
