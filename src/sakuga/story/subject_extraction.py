"""Find the subject of a text."""

import re

from sakuga.sketchbook.caption_reading import fact_spans, facts_in, flatten_text
from sakuga.sketchbook.words import WORDING, Fact
from sakuga.story.emphasis import without_emphasis
from sakuga.story.storyboard import PREPOSITIONS, lower_article

VERBS = "is are stands sits walks runs flies sails leaves goes sleeps dances lives rests drifts comes travels rises glowing swims reaches"
_ACTIONS = "finds meets sees looks holds rides waits dreams fights opens climbs turns crosses enters follows hears stops"
VERBS_OF_SUBJECTS = frozenset((*VERBS.split(), *_ACTIONS.split()))
_ALSO = re.compile(r"\s+and\s+(?:(?:a|an|the|two|three)\s+)?(?:\w+\s+)?$")
_BEFORE_A_SUBJECT = PREPOSITIONS | frozenset(("while", "as", "then", "to", *VERBS.split()))


def subject_of(text: str) -> str:
    """Return the words for the subject of a text.

    Without time, weather and actions.

    Emphasis is removed; people keep hair and clothes.

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
    spans = fact_spans(flatten_text(text))
    if actor := _actor(text):
        return actor
    about = next(((start, stop, fact) for start, stop, facts in spans for fact in facts if fact[0] in ("subject", "person")), None)
    if about is None:
        first = _first_words(text)
        places = (_the_place(text[start:stop], fact) for start, stop, facts in spans for fact in facts if fact[0] == "place")
        return next(places, first) if _mentions_sky(first) else first
    start, stop, fact = about
    before = re.split(r"[,.]", text[:start])[-1].split()
    boundary = max((place + 1 for place, word in enumerate(before) if word.lower() in _BEFORE_A_SUBJECT), default=0)
    article = max((place for place, word in enumerate(before) if word.lower() in ("a", "an", "the")), default=0)
    described = [word for word in before[max(boundary, article) :] if not any(name == "time" for name, _ in facts_in(word))]
    tail = _description_of(text, stop) if fact[0] == "person" else _second_subject(text, stop)
    return lower_article(" ".join([*described, text[start:stop] + tail]))


def _the_place(words: str, fact: Fact) -> str:
    """Return "the city" for a place.

    Its own word, or the caption's for a phrase.
    """
    name = words if len(words.split()) == 1 else WORDING[fact].tags[0]
    return f"the {name.lower()}"


def _actor(text: str) -> str:
    """Return an acting subject unknown to captions, or ""."""
    words = _first_words(text)
    action = re.split(r"[,.]", text)[0].split()[len(words.split()) :][:1]
    facts = facts_in(words)
    return words if action and action[0].lower() in VERBS_OF_SUBJECTS and all(fact == ("extras", "figure") for fact in facts) else ""


def _description_of(text: str, stop: int) -> str:
    """Return the description behind a person.

    Up to a comma, an action, time, weather or place.
    """
    tail = re.split(r"[,.]", text[stop:])[0]
    around = [begin for begin, _, facts in fact_spans(flatten_text(tail)) if any(fact[0] in ("time", "weather", "place") for fact in facts)]
    actions = [found.start() for found in re.finditer(r"\w+", tail) if found[0].lower() in VERBS_OF_SUBJECTS]
    kept = tail[: min((*around, *actions, len(tail)))].rstrip()
    return re.sub(r"(?:\s+(?:in|at|on|by|and|who|through|from|near|is|are|the|a))+$", "", kept)


def _second_subject(text: str, stop: int) -> str:
    """Return " and a boat" for a second subject."""
    for begin, end, facts in fact_spans(flatten_text(text)):
        if begin > stop and any(fact[0] in ("subject", "person") for fact in facts):
            return text[stop:end] if _ALSO.fullmatch(text[stop:begin]) else ""
    return ""


def _mentions_sky(text: str) -> bool:
    return any(name in ("time", "weather") or value in ("sun", "moon", "stars") for name, value in facts_in(text))


def _first_words(text: str) -> str:
    """Return the first words of a text, at most six.

    Up to a comma, preposition or verb.
    """
    words: list[str] = []
    for word in re.split(r"[,.]", text)[0].split():
        if words and word.lower() in _BEFORE_A_SUBJECT | VERBS_OF_SUBJECTS | {"that", "which", "where"}:
            break
        words.append(word)
    return lower_article(" ".join(words[:6]))
