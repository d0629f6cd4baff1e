"""Find whom or what a text is about."""

import re

from sakuga.sketchbook.caption_reading import facts_in, flattened, spans_in
from sakuga.sketchbook.words import WORDING, Fact
from sakuga.story.emphasis import without_emphasis
from sakuga.story.storyboard import PREPOSITIONS, lowered

VERBS = "is are stands sits walks runs flies sails leaves goes sleeps dances lives rests drifts comes travels rises glowing swims reaches"
_DEEDS = "finds meets sees looks holds rides waits dreams fights opens climbs turns crosses enters follows hears stops"
DONE = frozenset((*VERBS.split(), *_DEEDS.split()))
_ALSO = re.compile(r"\s+and\s+(?:(?:a|an|the|two|three)\s+)?(?:\w+\s+)?$")
_BEFORE_A_SUBJECT = PREPOSITIONS | frozenset(("while", "as", "then", "to", *VERBS.split()))


def subject_of(text: str) -> str:
    """Return the words for whom or what a text is about, without emphasis, time, weather and deeds; of people with hair and clothes.

    >>> subject_of("A moonlit castle by the sea, birds")
    'a castle'
    >>> subject_of("portrait of a girl with red hair, smiling")
    'a girl with red hair'
    >>> subject_of("a girl with red hair walks through a forest at night")
    'a girl with red hair'
    >>> subject_of("a dragon and a boat on the sea")
    'a dragon and a boat'
    >>> subject_of("a knight walks to a castle"), subject_of("a fox finds a cabin")
    ('a knight', 'a fox')
    """
    text = without_emphasis(text)
    spans = spans_in(flattened(text))
    if doer := _doer(text):
        return doer
    about = next(((start, stop, fact) for start, stop, facts in spans for fact in facts if fact[0] in ("subject", "person")), None)
    if about is None:
        first = _first_words(text)
        places = (_the_place(text[start:stop], fact) for start, stop, facts in spans for fact in facts if fact[0] == "place")
        return next(places, first) if _says_the_sky(first) else first
    start, stop, fact = about
    before = re.split(r"[,.]", text[:start])[-1].split()
    boundary = max((place + 1 for place, word in enumerate(before) if word.lower() in _BEFORE_A_SUBJECT), default=0)
    article = max((place for place, word in enumerate(before) if word.lower() in ("a", "an", "the")), default=0)
    described = [word for word in before[max(boundary, article) :] if not any(name == "time" for name, _ in facts_in(word))]
    tail = _worn_by(text, stop) if fact[0] == "person" else _and_whom(text, stop)
    return lowered(" ".join([*described, text[start:stop] + tail]))


def _the_place(words: str, fact: Fact) -> str:
    """Return "the city" for a place in its own words, or in the Sketchbook's where they are more than its name."""
    name = words if len(words.split()) == 1 else WORDING[fact].tags[0]
    return f"the {name.lower()}"


def _doer(text: str) -> str:
    """Return who does something before any subject or person of the Sketchbook is named, if that is a thing it has no word for."""
    words = _first_words(text)
    deed = re.split(r"[,.]", text)[0].split()[len(words.split()) :][:1]
    facts = facts_in(words)
    return words if deed and deed[0].lower() in DONE and all(fact == ("extras", "figure") for fact in facts) else ""


def _worn_by(text: str, stop: int) -> str:
    """Return what follows a person up to a comma, a deed, or words for time, weather or place."""
    tail = re.split(r"[,.]", text[stop:])[0]
    around = [begin for begin, _, facts in spans_in(flattened(tail)) if any(fact[0] in ("time", "weather", "place") for fact in facts)]
    deeds = [found.start() for found in re.finditer(r"\w+", tail) if found[0].lower() in DONE]
    kept = tail[: min((*around, *deeds, len(tail)))].rstrip()
    return re.sub(r"(?:\s+(?:in|at|on|by|and|who|through|from|near|is|are|the|a))+$", "", kept)


def _and_whom(text: str, stop: int) -> str:
    """Return " and a boat" where a second subject follows."""
    for begin, end, facts in spans_in(flattened(text)):
        if begin > stop and any(fact[0] in ("subject", "person") for fact in facts):
            return text[stop:end] if _ALSO.fullmatch(text[stop:begin]) else ""
    return ""


def _says_the_sky(text: str) -> bool:
    return any(name in ("time", "weather") or value in ("sun", "moon", "stars") for name, value in facts_in(text))


def _first_words(text: str) -> str:
    """Return what stands before the first comma, preposition or verb, at most six words."""
    words: list[str] = []
    for word in re.split(r"[,.]", text)[0].split():
        if words and word.lower() in _BEFORE_A_SUBJECT | DONE | {"that", "which", "where"}:
            break
        words.append(word)
    return lowered(" ".join(words[:6]))
