"""Captions of the Sketchbook's images."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from sakuga.sketchbook.caption_reading import Stated, facts_in, known_words, read_labels
from sakuga.sketchbook.filler_words import EVERYDAY, NEUTRAL, QUALITY, STORY
from sakuga.sketchbook.labels import Labels, Look
from sakuga.sketchbook.words import BESIDE, DRESSES, GARMENTS, HAIR, HAIR_LENGTHS, JOINT, PLURALS, TWO, WORDING, Fact

__all__ = ["Stated", "caption", "caption_of", "facts_in", "facts_of", "full_caption", "known_words", "read_labels"]

KEEP_PROBABILITY = {"subject": 0.9, "person": 0.9, "second": 0.9}
DEFAULT_KEEP_PROBABILITY = 0.7
KEEP_PROBABILITY_OF_FACT: dict[Fact, float] = {
    ("subject", "none"): 0.15,
    ("weather", "clear"): 0.4,
    ("weather", "rain"): 0.98,
    ("weather", "snow"): 0.98,
    ("weather", "fog"): 0.98,
    ("action", "walking"): 0.95,
}
"""Rain, snow and fog are nearly always stated, so that prompts without weather bring none of them; and that a person walks."""
FLAT_LOOK_PROBABILITY = 0.12
FILLER_PROBABILITY = 0.25
IDENTITY = ("subject", "person", "hair", "hair_length", "dress")
TAGS_PROBABILITY = 0.35
CLAUSES_PROBABILITY = 0.2
LOOSE_NOUNS = ("scene", "view", "landscape")
JOINT_OF_TIME = {
    time: [(phrase, facts) for phrase, facts in JOINT.items() if ("time", time) in facts] for time in ("dawn", "day", "sunset", "night")
}


class CaptionRandom:
    """Random choices for one caption.

    Numbers are drawn at once for speed. Without a generator every choice is the first, and nothing optional happens.
    """

    def __init__(self, rng: np.random.Generator | None) -> None:
        self._numbers: Iterator[float] = itertools.repeat(0.0) if rng is None else itertools.cycle(rng.random(128).tolist())

    def happens(self, probability: float) -> bool:
        """Return True with a probability."""
        return next(self._numbers) > 1.0 - probability

    def uniform(self) -> float:
        """Return a number from 0.0 to 1.0."""
        return next(self._numbers)

    def pick(self, choices: Sequence[str]) -> str:
        """Choose one, the first (canonical) ones more often."""
        return choices[int(next(self._numbers) ** 1.5 * len(choices))]

    def choice(self, choices: Sequence[str]) -> str:
        """Choose one, all equally often."""
        return choices[int(next(self._numbers) * len(choices))]

    def shuffled(self, items: Sequence[str]) -> list[str]:
        """Return the items in random order."""
        return [item for _, _, item in sorted((next(self._numbers), index, item) for index, item in enumerate(items))]


class RemainingFacts:
    """Facts that a caption has yet to state."""

    def __init__(self, facts: Sequence[Fact], phrases: Sequence[str] = ()) -> None:
        self.single = {attribute: value for attribute, value in facts if attribute != "extras"}
        self.extras = [value for attribute, value in facts if attribute == "extras"]
        self.phrases = list(phrases)

    def take(self, attribute: str) -> str | None:
        """Remove and return the value of an attribute, or None."""
        return self.single.pop(attribute, None)

    def rest(self) -> list[Fact]:
        """Return all facts that are left."""
        return [*self.single.items(), *(("extras", extra) for extra in self.extras)]


def facts_of(labels: Labels) -> list[Fact]:
    """Return every fact about an image.

    A side is a fact only with a subject or person.
    """
    facts: list[Fact] = [("time", labels.time), ("weather", labels.weather), ("place", labels.place)]
    facts += [("extras", extra) for extra in sorted(labels.extras)]
    if (person := labels.portrait) is not None:
        looks = [("person", person.person), ("hair", person.hair), ("hair_length", person.hair_length), ("dress", person.dress)]
        return [*looks, ("expression", person.expression), ("side", labels.side), *facts]
    subject: list[Fact] = [("subject", labels.subject)]
    if labels.second != "none":
        subject.append(("second", labels.second))
    if (walker := labels.walker) is not None:
        looks = [("person", walker.person), ("hair", walker.hair), ("hair_length", walker.hair_length), ("dress", walker.dress)]
        subject = [*looks, ("action", "walking"), *(subject if labels.subject != "none" else ())]
    elif labels.subject == "none":
        return [*subject, *facts]
    return [*subject, ("side", labels.side), *facts]


def caption(labels: Labels, rng: np.random.Generator, look: Look = "flat") -> str:
    """Write a random caption.

    Facts are left out, and come in any order and style, with filler words now and then. A look other than flat is always named.
    """
    random = CaptionRandom(rng)
    remaining = _join(_keep(facts_of(labels), random), random)
    style = random.uniform()
    tags = style < TAGS_PROBABILITY
    parts = _writer(labels, style)(remaining, random)
    if look != "flat" or random.happens(FLAT_LOOK_PROBABILITY):
        named = random.pick(WORDING["look", look].tags)
        of = not tags and named.endswith(("painting", "illustration")) and random.happens(0.6)
        first = f"{'an' if named[0] in 'aeiou' else 'a'} {named} of {parts[0]}"
        parts = [first, *parts[1:]] if of else [named, *parts] if random.happens(0.4) else [*parts, named]
    if random.happens(FILLER_PROBABILITY):
        parts = _with_filler(parts, random)
    return _capitalized(", ".join(parts), random)


def full_caption(labels: Labels, rng: np.random.Generator | None = None, look: Look = "flat") -> str:
    """Write a caption that states every fact.

    Without a generator the words are canonical.
    """
    random = CaptionRandom(rng)
    parts = _writer(labels, TAGS_PROBABILITY)(RemainingFacts(facts_of(labels)), random)
    return ", ".join(parts if look == "flat" else [*parts, random.pick(WORDING["look", look].tags)])


def caption_of(name: str, labels: Labels, rng: np.random.Generator | None = None) -> str:
    """Write a caption that calls the subject by a name.

    The facts of its identity (its kind; hair and dress of a person) are left out, so that a model learns them by the name.
    """
    random = CaptionRandom(rng)
    remaining = RemainingFacts([fact for fact in facts_of(labels) if fact[0] not in IDENTITY])
    if labels.portrait is None:
        return ", ".join(_where(f"a {name}", remaining, random))
    text = random.pick(("a portrait of", "portrait of", "a close-up of", "close-up portrait of")) + f" {name}"
    mood = remaining.take("expression")
    return ", ".join([text, *([_after(("expression", mood), random)] if mood else []), *_background(remaining, random)])


def _writer(labels: Labels, style: float) -> Callable[[RemainingFacts, CaptionRandom], list[str]]:
    if labels.portrait:
        return _portrait_tags if style < TAGS_PROBABILITY else _portrait_sentence
    if labels.walker:
        return _walker_tags if style < TAGS_PROBABILITY else _walker_sentence
    return _tags if style < TAGS_PROBABILITY else _clauses if style > 1 - CLAUSES_PROBABILITY else _sentence


def _keep(facts: list[Fact], random: CaptionRandom) -> list[Fact]:
    """Leave out random facts, but never all.

    A side needs its subject.
    """
    chosen = [
        fact
        for fact in facts
        if random.happens(KEEP_PROBABILITY_OF_FACT.get(fact, KEEP_PROBABILITY.get(fact[0], DEFAULT_KEEP_PROBABILITY)))
    ]
    kept = {attribute for attribute, _ in chosen}
    if not kept & KEEP_PROBABILITY.keys():
        chosen = [fact for fact in chosen if fact[0] not in ("side", "action")]
    if "subject" not in kept:
        chosen = [fact for fact in chosen if fact[0] != "second" and (fact[0] != "side" or "person" in kept)]
    return chosen or [facts[0] if facts[0][1] != "none" else facts[1]]


def _join(facts: list[Fact], random: CaptionRandom) -> RemainingFacts:
    """Sometimes state two facts in one phrase."""
    time = next((value for attribute, value in facts if attribute == "time"), None)
    if time is not None and random.happens(0.4):
        held = set(facts)
        possible = [phrase for phrase, stated in JOINT_OF_TIME[time] if held.issuperset(stated)]
        if possible:
            phrase = random.pick(possible)
            return RemainingFacts([fact for fact in facts if fact not in JOINT[phrase]], [phrase])
    return RemainingFacts(facts)


def _article(noun: str, random: CaptionRandom) -> str:
    if noun.startswith("the ") or noun.endswith(("grassland", "country", "tundra", "weather")):
        return noun
    roll = random.uniform()
    if noun.endswith("s"):
        return noun if roll < 0.7 else f"the {noun}"
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}" if roll < 0.6 else noun if roll < 0.8 else f"the {noun}"


def _head(remaining: RemainingFacts, random: CaptionRandom) -> str:
    """Return the subject, place or scene with adjectives."""
    words: list[str] = []
    if (subject := remaining.take("subject")) is not None:
        noun = random.pick(WORDING["subject", subject].tags)
        if remaining.single.get("second") == subject:
            remaining.take("second")
            return f"{random.pick(TWO)} {PLURALS[subject]}"
        if WORDING["subject", subject].before and random.happens(0.2):
            words.append(random.pick(WORDING["subject", subject].before))
    elif (place := remaining.take("place")) is not None:
        noun = random.pick(WORDING["place", place].tags)
    else:
        noun = random.pick(LOOSE_NOUNS)
    if not words and random.happens(0.2):
        words.append(random.choice(NEUTRAL))
    for attribute in ("weather", "time"):
        value = remaining.single.get(attribute)
        if value is not None and WORDING[attribute, value].before[0] and random.happens(0.25):
            words.append(random.pick(WORDING[attribute, value].before))
            del remaining.single[attribute]
    return " ".join([*words, noun] if not noun.startswith("the ") else [noun])


def _after(fact: Fact, random: CaptionRandom) -> str:
    return random.pick(WORDING[fact].after)


def _sentence(remaining: RemainingFacts, random: CaptionRandom) -> list[str]:
    """Write "a snowy cabin on the left in the woods at dusk"."""
    if not remaining.single and remaining.extras and not remaining.phrases:
        text = random.pick(WORDING["extras", remaining.extras.pop(0)].clauses)
    else:
        text = _article(_head(remaining, random), random)
    return _where(text, remaining, random)


def _where(text: str, remaining: RemainingFacts, random: CaptionRandom) -> list[str]:
    """Append side, place and all other facts."""
    if (side := remaining.take("side")) is not None:
        text += " " + _after(("side", side), random)
    if (second := remaining.take("second")) is not None:
        text += f" {random.pick(BESIDE)} {_noun(second, random)}"
    if (place := remaining.take("place")) is not None:
        text += " " + _after(("place", place), random)
    rest = random.shuffled([*(_after(fact, random) for fact in remaining.rest()), *remaining.phrases])
    if rest and not random.happens(0.3):
        text += " " + rest.pop(0)
    return [text, *rest]


def _tags(remaining: RemainingFacts, random: CaptionRandom) -> list[str]:
    """Write "castle on the right, sunset, mountains, birds"."""
    parts = list(remaining.phrases)
    if (second := remaining.take("second")) is not None:
        twin = second == remaining.single.get("subject")
        parts.append(f"{random.pick(TWO)} {PLURALS[second]}" if twin else random.pick(WORDING["subject", second].tags))
    if (side := remaining.take("side")) is not None:
        parts.append(f"{random.pick(WORDING['subject', remaining.single.pop('subject')].tags)} {_after(('side', side), random)}")
    return random.shuffled([*parts, *(random.pick(WORDING[fact].tags) for fact in remaining.rest())])


def _clauses(remaining: RemainingFacts, random: CaptionRandom) -> list[str]:
    """Write "the moon shines as an old boat drifts by the sea"."""
    clauses: list[str] = []
    subject = remaining.single.get("subject")
    if subject is not None:
        text = f"{_article(_head(remaining, random), random)} {random.pick(WORDING['subject', subject].clauses)}"
        if (second := remaining.take("second")) is not None:
            text += f" {random.pick(BESIDE[:3])} {_noun(second, random)}"
        for attribute in ("side", "place"):
            if (value := remaining.take(attribute)) is not None:
                text += " " + _after((attribute, value), random)
        clauses.append(text)
    loose: list[str] = list(remaining.phrases)
    for fact in remaining.rest():
        wording = WORDING[fact]
        if wording.clauses and random.happens(0.6):
            clauses.append(random.pick(wording.clauses))
        else:
            loose.append(_after(fact, random))
    clauses = random.shuffled(clauses)
    if len(clauses) > 1:
        clauses[:2] = [f"{clauses[0]} {random.pick(('as', 'while', 'and'))} {clauses[1]}"]
    return [*clauses, *loose]


def _hair(remaining: RemainingFacts, random: CaptionRandom) -> str:
    """Return "long red" for the remaining hair facts, or nothing."""
    length, color = remaining.take("hair_length"), remaining.take("hair")
    words = [random.pick(HAIR_LENGTHS[length])] if length else []
    return " ".join([*words, random.pick(HAIR[color])] if color else words)


def _dress(remaining: RemainingFacts, person: str, random: CaptionRandom) -> str:
    color = remaining.take("dress")
    return f"{random.pick(DRESSES[color])} {random.pick(GARMENTS[person])}" if color else ""


def _background(remaining: RemainingFacts, random: CaptionRandom) -> list[str]:
    """Return the background of a portrait, and the person's side."""
    parts = list(remaining.phrases)
    if (place := remaining.take("place")) is not None:
        noun = random.pick(WORDING["place", place].tags)
        parts.append(random.pick((f"{noun} background", f"with {noun} behind", f"before {noun}", f"{noun} in the background")))
    parts += [random.pick(WORDING[fact].tags) if random.happens(0.3) else _after(fact, random) for fact in remaining.rest()]
    return random.shuffled(parts)


def _portrait_sentence(remaining: RemainingFacts, random: CaptionRandom) -> list[str]:
    """Write "a portrait of a girl with long red hair, smiling"."""
    person, hair = remaining.take("person"), _hair(remaining, random)
    noun = random.pick(WORDING["person", person].tags) if person else "person"
    dress, mood = _dress(remaining, person or "girl", random), remaining.take("expression")
    adjectives = [random.pick(WORDING["expression", mood].before)] if mood and random.happens(0.4) else []
    text = " ".join([*adjectives, noun])
    hyphenated = bool(hair) and random.happens(0.25)
    if hyphenated:
        text = " ".join([*adjectives, f"{hair.replace(' ', '-')}-haired", noun])
    text = f"{'an' if text[0] in 'aeiou' else 'a'} {text}"
    if person is None or not random.happens(0.4):
        text = random.pick(("a portrait of", "portrait of", "a close-up of", "close-up portrait of")) + " " + text
    if hair and not hyphenated:
        text += f" with {hair} hair"
    if dress:
        text += random.pick((f" in a {dress}", f" wearing a {dress}", f", {dress}"))
    moods = [_after(("expression", mood), random)] if mood and not adjectives else []
    return [text, *moods, *_background(remaining, random)]


def _walker(remaining: RemainingFacts, random: CaptionRandom) -> str:
    """Return "a girl with long red hair in a blue dress walks along"."""
    person, hair = remaining.take("person"), _hair(remaining, random)
    dress, action = _dress(remaining, person or "girl", random), remaining.take("action")
    text = random.pick(WORDING["person", person].tags) if person else "person"
    text = (
        f"a {hair.replace(' ', '-')}-haired {text}"
        if hair and random.happens(0.25)
        else f"a {text}" + (f" with {hair} hair" if hair else "")
    )
    if dress:
        text += random.pick((" in", " wearing")) + (" an " if dress[0] in "aeiou" else " a ") + dress
    if action:
        wording = WORDING["action", action]
        text += " " + random.pick(wording.clauses if random.happens(0.5) else wording.after)
    return text


def _walker_sentence(remaining: RemainingFacts, random: CaptionRandom) -> list[str]:
    """Write "a boy with short hair walks in the hills, a castle on the left"."""
    who = _walker(remaining, random)
    if (subject := remaining.take("subject")) is None:
        return _where(who, remaining, random)
    thing = _noun(subject, random)
    if (side := remaining.take("side")) is not None:
        thing += " " + _after(("side", side), random)
    if random.happens(0.4):
        first, *rest = _where(thing, remaining, random)
        return [first, who, *rest] if random.happens(0.5) else [f"{first} and {who}", *rest]
    first, *rest = _where(who, remaining, random)
    return [first, thing, *rest]


def _walker_tags(remaining: RemainingFacts, random: CaptionRandom) -> list[str]:
    """Write "girl, red hair, blue dress, walking, meadow, sunset"."""
    person, hair = remaining.take("person"), _hair(remaining, random)
    parts = [random.pick(WORDING["person", person].tags)] if person else []
    parts += [f"{hair} hair"] if hair else []
    parts += [dress] if (dress := _dress(remaining, person or "girl", random)) else []
    parts += [random.pick(WORDING["action", action].tags)] if (action := remaining.take("action")) else []
    side = remaining.take("side") if "subject" not in remaining.single else None
    if side and parts:
        parts[0] += " " + _after(("side", side), random)
    return [*parts, *_tags(remaining, random)]


def _noun(subject: str, random: CaptionRandom) -> str:
    noun = random.pick(WORDING["subject", subject].tags)
    return noun if noun.endswith("s") else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _portrait_tags(remaining: RemainingFacts, random: CaptionRandom) -> list[str]:
    """Write "girl, portrait, red hair, smiling, blue dress, sea"."""
    person, hair = remaining.take("person"), _hair(remaining, random)
    parts = [random.pick(WORDING["person", person].tags)] if person else []
    if person is None or random.happens(0.5):
        parts.append(random.pick(("portrait", "close-up", "close-up portrait", "face")))
    if hair:
        parts.append(f"{hair} hair")
    if dress := _dress(remaining, person or "girl", random):
        parts.append(dress)
    if mood := remaining.take("expression"):
        parts.append(random.pick(WORDING["expression", mood].tags))
    background = _background(remaining, random)
    return random.shuffled([*parts, *background]) if random.happens(0.4) else [*parts, *background]


def _with_filler(parts: list[str], random: CaptionRandom) -> list[str]:
    """Insert one to four filler phrases at random places."""
    for _ in range(1 + int(random.uniform() * 4)):
        phrase = random.choice(QUALITY if random.happens(0.4) else STORY if random.happens(0.15) else EVERYDAY)
        parts.insert(int(random.uniform() * (len(parts) + 1)), phrase)
    return parts


def _capitalized(text: str, random: CaptionRandom) -> str:
    """Vary capitals and the full stop."""
    roll = random.uniform()
    if roll < 0.45:
        text = text[0].upper() + text[1:]
    elif roll < 0.48:
        text = text.title() if "'" not in text else text
    return text + "." if random.happens(0.2) else text
