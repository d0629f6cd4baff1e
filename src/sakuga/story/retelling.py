"""Say an idea again at another time of day, in its own words and order; and find whom it is about."""

import re
import unicodedata
from typing import cast

from sakuga.sketchbook.labels import Time
from sakuga.sketchbook.reading import flattened, spans_in
from sakuga.sketchbook.words import WORDING, Fact
from sakuga.story.emphasis import without_emphasis
from sakuga.story.storyboard import PREPOSITIONS

_TURN = re.compile(r"[.;!?]+(?:\s+|$)|,?\s+(?:and\s+)?then\s+", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(?:he|she|they|it)\b(?!\s+(?:is\s+)?(?:rain|snow|drizzl))", re.IGNORECASE)
_VERBS = "is are stands sits walks runs flies sails leaves goes sleeps dances lives rests drifts comes travels rises glowing swims reaches"
_DEEDS = "finds meets sees looks holds rides waits dreams fights opens climbs turns crosses enters follows hears stops"
_DONE = frozenset((*_VERBS.split(), *_DEEDS.split()))
_ALSO = re.compile(r"\s+and\s+(?:(?:a|an|the|two|three)\s+)?(?:\w+\s+)?$")
_TWICE = re.compile(r"\b(\w+(?: \w+){0,4})(?:,? \1\b)+", re.IGNORECASE)
_DENIED = re.compile(r"(?:^|,\s*|\s+(?=with))(?:no|without(?: any)?)\s+([^,.;]+)", re.IGNORECASE)
_TELLS_ON = re.compile(r",\s+(?:and\s+)?(?:where\s+)?|\s+(?=(?:while|until)\s)")
LONG = 24
"""Words of a sentence beyond which what follows its commas gets shots of its own."""
_BEFORE_A_SUBJECT = PREPOSITIONS | frozenset(("while", "as", "then", "to", *_VERBS.split()))


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
    """
    sentences = [re.sub(r"^then\s+", "", part.strip(" ,"), flags=re.IGNORECASE) for part in _TURN.split(idea)]
    parts = [clause for sentence in sentences for clause in _clauses(sentence)]
    scenes: list[str] = []
    whom = ""
    for part in filter(None, parts):
        explicit = _PRONOUN.sub(lambda _, whom=whom: whom, part, count=1) if whom else part  # type: ignore[misc]
        scenes.append(explicit)
        whom = whom or subject_of(explicit)
    return scenes or [idea]


def _clauses(sentence: str) -> list[str]:
    """Split a long sentence that tells one thing after the other; whoever it is about is named in each of its parts."""
    clauses = [clause for clause in _TELLS_ON.split(sentence) if clause]
    told = sum(clause.split()[0].lower() in _DONE or clause.lower().startswith(("while ", "until ")) for clause in clauses[1:])
    if len(sentence.split()) <= LONG or told == 0:
        return [sentence]
    whom = subject_of(sentence)
    parts = clauses[:1]
    for clause in clauses[1:]:
        clause = re.sub(r"^(?:while|until)\s+", "", clause)
        of_whom = clause.split()[0].lower() in _DONE | PREPOSITIONS | {"along", "across", "past", "towards"}
        parts.append(f"{whom} {clause}" if of_whom else clause)
    return parts


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
    """
    text = without_emphasis(text)
    spans = spans_in(flattened(text))
    about = next(((start, stop, fact) for start, stop, facts in spans for fact in facts if fact[0] in ("subject", "person")), None)
    if about is None:
        first = _first_words(text)
        places = (f"the {WORDING[fact].tags[0]}" for _, _, facts in spans for fact in facts if fact[0] == "place")
        return next(places, first) if times_in(first) else first
    start, stop, fact = about
    before = re.split(r"[,.]", text[:start])[-1].split()
    boundary = max((place + 1 for place, word in enumerate(before) if word.lower() in _BEFORE_A_SUBJECT), default=0)
    described = [word for word in before[boundary:] if not times_in(word)]
    tail = _worn_by(text, stop) if fact[0] == "person" else _and_whom(text, stop)
    return _lowered(" ".join([*described, text[start:stop] + tail]))


def _worn_by(text: str, stop: int) -> str:
    """Return what follows a person up to a comma, a deed, or words for time, weather or place."""
    tail = re.split(r"[,.]", text[stop:])[0]
    around = [begin for begin, _, facts in spans_in(flattened(tail)) if any(fact[0] in ("time", "weather", "place") for fact in facts)]
    deeds = [found.start() for found in re.finditer(r"\w+", tail) if found[0].lower() in _DONE]
    kept = tail[: min((*around, *deeds, len(tail)))].rstrip()
    return re.sub(r"(?:\s+(?:in|at|on|by|and|who|through|from|near|is|are|the|a))+$", "", kept)


def _and_whom(text: str, stop: int) -> str:
    """Return " and a boat" where a second subject follows."""
    for begin, end, facts in spans_in(flattened(text)):
        if begin > stop and any(fact[0] in ("subject", "person") for fact in facts):
            return text[stop:end] if _ALSO.fullmatch(text[stop:begin]) else ""
    return ""


def retold(text: str, time: Time) -> str:
    """Replace every word for the time of day by one for `time` of the same kind; a text without any stays as it is.

    >>> retold("a quiet evening in the woods at dusk", "night")
    'a quiet night in the woods at night'
    """
    for start, stop, facts in reversed(spans_in(flattened(text))):
        if any(attribute == "time" and value != time for attribute, value in facts):
            instead = _same_kind(flattened(text[start:stop]), facts, time)
            text = _agreeing(text[:start], instead) + instead + text[stop:]
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
    if own is not None and phrase in map(flattened, own.clauses):
        return target.clauses[0] if target.clauses else f"the light is {target.tags[0]}"
    if own is not None and phrase in map(flattened, own.before) and phrase not in map(flattened, own.tags):
        return target.before[0]
    return target.tags[0]


def _agreeing(before: str, word: str) -> str:
    """Make a final "a" or "an" fit the word that now follows."""
    article = "an" if word[0] in "aeiou" else "a"
    return re.sub(r"\b([Aa])n?(\s+)$", lambda found: (article if found[1] == "a" else article.capitalize()) + found[2], before)


def _first_words(text: str) -> str:
    """Return what stands before the first comma, preposition or verb, at most six words."""
    words: list[str] = []
    for word in re.split(r"[,.]", text)[0].split():
        if words and word.lower() in _BEFORE_A_SUBJECT:
            break
        words.append(word)
    return _lowered(" ".join(words[:6]))


def _lowered(text: str) -> str:
    """Return the text with its leading article in lower case."""
    return re.sub(r"^(A|An|The)\b", lambda found: found[1].lower(), text)


def times_in(text: str) -> tuple[Time, ...]:
    """Return the times of day that a text goes through, each once."""
    found = (value for _, _, facts in spans_in(flattened(text)) for attribute, value in facts if attribute == "time")
    return cast(tuple[Time, ...], tuple(dict.fromkeys(found)))


def without_turning(text: str) -> str:
    """Leave out the clauses that lead from one time of day to another, as one picture shows one; keep the rest, or whom it is about.

    >>> without_turning("a castle by the sea, as day turns to night")
    'a castle by the sea'
    """
    clauses = re.split(r",\s*|\s+(?=(?:as|while|when|until|from)\s)", text)
    lasting = [clause for clause in clauses if not times_in(clause)]
    return ", ".join(lasting) if lasting else subject_of(text)
