"""Say in words what a picture shows, in the many ways in which people write, and read such words back."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from sakuga.sketchbook.caption_reading import Stated, facts_in, known_words, read_labels
from sakuga.sketchbook.foreign_words import EVERYDAY, NEUTRAL, QUALITY, STORY
from sakuga.sketchbook.labels import Labels, Look
from sakuga.sketchbook.words import DRESSES, GARMENTS, HAIR, HAIR_LENGTHS, JOINT, WORDING, Fact

__all__ = ["Stated", "caption", "caption_of", "facts_in", "facts_of", "full_caption", "known_words", "read_labels"]

KEPT = {"subject": 0.9, "person": 0.9}
KEPT_OTHERWISE = 0.7
KEPT_ALONE: dict[Fact, float] = {
    ("subject", "none"): 0.15,
    ("weather", "clear"): 0.4,
    ("weather", "rain"): 0.98,
    ("weather", "snow"): 0.98,
    ("weather", "fog"): 0.98,
}
"""Rain, snow and fog are as good as always said, so that none of them comes where nothing is said of the weather."""
NAMED_IF_FLAT = 0.12
FOREIGN = 0.25
IDENTITY = ("subject", "person", "hair", "hair_length", "dress")
TAGS = 0.35
CLAUSES = 0.2
LOOSE_NOUNS = ("scene", "view", "landscape")
JOINT_OF_TIME = {
    time: [(phrase, facts) for phrase, facts in JOINT.items() if ("time", time) in facts] for time in ("dawn", "day", "sunset", "night")
}


class Dice:
    """Chance, drawn at once because that is cheap; with no generator every choice is the first one, and every chance fails."""

    def __init__(self, rng: np.random.Generator | None) -> None:
        self._rolls: Iterator[float] = itertools.repeat(0.0) if rng is None else itertools.cycle(rng.random(128).tolist())

    def chance(self, probability: float) -> bool:
        return next(self._rolls) > 1.0 - probability

    def roll(self) -> float:
        return next(self._rolls)

    def pick(self, choices: Sequence[str]) -> str:
        """Pick one, the first ones (the canonical words) more often."""
        return choices[int(next(self._rolls) ** 1.5 * len(choices))]

    def any_of(self, choices: Sequence[str]) -> str:
        return choices[int(next(self._rolls) * len(choices))]

    def shuffled(self, items: Sequence[str]) -> list[str]:
        return [item for _, _, item in sorted((next(self._rolls), index, item) for index, item in enumerate(items))]


class Kept:
    """The facts that a caption is still to state: what is said is taken out, so that nothing is said twice."""

    def __init__(self, facts: Sequence[Fact], phrases: Sequence[str] = ()) -> None:
        self.single = {attribute: value for attribute, value in facts if attribute != "extras"}
        self.extras = [value for attribute, value in facts if attribute == "extras"]
        self.phrases = list(phrases)

    def take(self, attribute: str) -> str | None:
        return self.single.pop(attribute, None)

    def rest(self) -> list[Fact]:
        return [*self.single.items(), *(("extras", extra) for extra in self.extras)]


def facts_of(labels: Labels) -> list[Fact]:
    """Return every fact about a picture; the side is that of the subject or person, so without one there is none."""
    facts: list[Fact] = [("time", labels.time), ("weather", labels.weather), ("place", labels.place)]
    facts += [("extras", extra) for extra in sorted(labels.extras)]
    if (person := labels.portrait) is not None:
        looks = [("person", person.person), ("hair", person.hair), ("hair_length", person.hair_length), ("dress", person.dress)]
        return [*looks, ("expression", person.expression), ("side", labels.side), *facts]
    if labels.subject == "none":
        return [("subject", "none"), *facts]
    return [("subject", labels.subject), ("side", labels.side), *facts]


def caption(labels: Labels, rng: np.random.Generator, look: Look = "flat") -> str:
    """Say what a picture shows as somebody might write it: some facts left out, any order and style, now and then a foreign word.

    A look other than flat is always named.
    """
    dice = Dice(rng)
    portrait = labels.portrait is not None
    kept = _join(_keep(facts_of(labels), dice), dice)
    style = dice.roll()
    tags = style < TAGS
    parts = _writer(portrait, style)(kept, dice)
    if look != "flat" or dice.chance(NAMED_IF_FLAT):
        named = dice.pick(WORDING["look", look].tags)
        of = not tags and named.endswith(("painting", "illustration")) and dice.chance(0.6)
        first = f"{'an' if named[0] in 'aeiou' else 'a'} {named} of {parts[0]}"
        parts = [first, *parts[1:]] if of else [named, *parts] if dice.chance(0.4) else [*parts, named]
    if dice.chance(FOREIGN):
        parts = _with_foreign(parts, dice)
    return _written(", ".join(parts), dice)


def full_caption(labels: Labels, rng: np.random.Generator | None = None, look: Look = "flat") -> str:
    """State every fact about a picture in one sentence; without a generator in the canonical words, always the same."""
    dice = Dice(rng)
    write = _sentence if labels.portrait is None else _portrait_sentence
    parts = write(Kept(facts_of(labels)), dice)
    return ", ".join(parts if look == "flat" else [*parts, dice.pick(WORDING["look", look].tags)])


def caption_of(name: str, labels: Labels, rng: np.random.Generator | None = None) -> str:
    """Call what a picture is about by a name of its own, and state every other fact in one sentence.

    What makes it what it is (its kind; hair and dress of a person) goes unsaid, so that the name comes to mean it.
    """
    dice = Dice(rng)
    kept = Kept([fact for fact in facts_of(labels) if fact[0] not in IDENTITY])
    if labels.portrait is None:
        return ", ".join(_where(f"a {name}", kept, dice))
    text = dice.pick(("a portrait of", "portrait of", "a close-up of", "close-up portrait of")) + f" {name}"
    mood = kept.take("expression")
    return ", ".join([text, *([_after(("expression", mood), dice)] if mood else []), *_background(kept, dice)])


def _writer(portrait: bool, style: float) -> Callable[[Kept, Dice], list[str]]:
    if portrait:
        return _portrait_tags if style < TAGS else _portrait_sentence
    return _tags if style < TAGS else _clauses if style > 1 - CLAUSES else _sentence


def _keep(facts: list[Fact], dice: Dice) -> list[Fact]:
    """Leave facts out by chance, never all of them; a side goes with what stands there."""
    kept = [fact for fact in facts if dice.chance(KEPT_ALONE.get(fact, KEPT.get(fact[0], KEPT_OTHERWISE)))]
    if not any(attribute in KEPT for attribute, _ in kept):
        kept = [fact for fact in kept if fact[0] != "side"]
    return kept or [facts[0] if facts[0][1] != "none" else facts[1]]


def _join(facts: list[Fact], dice: Dice) -> Kept:
    """Say two facts in one phrase ("under a blue sky") now and then."""
    time = next((value for attribute, value in facts if attribute == "time"), None)
    if time is not None and dice.chance(0.4):
        held = set(facts)
        possible = [phrase for phrase, stated in JOINT_OF_TIME[time] if held.issuperset(stated)]
        if possible:
            phrase = dice.pick(possible)
            return Kept([fact for fact in facts if fact not in JOINT[phrase]], [phrase])
    return Kept(facts)


def _article(noun: str, dice: Dice) -> str:
    if noun.startswith("the ") or noun.endswith(("grassland", "country", "tundra", "weather")):
        return noun
    roll = dice.roll()
    if noun.endswith("s"):
        return noun if roll < 0.7 else f"the {noun}"
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}" if roll < 0.6 else noun if roll < 0.8 else f"the {noun}"


def _head(kept: Kept, dice: Dice) -> str:
    """Return what the caption is about with its adjectives: the subject, or the place, or the scene."""
    words: list[str] = []
    if (subject := kept.take("subject")) is not None:
        noun = dice.pick(WORDING["subject", subject].tags)
        if WORDING["subject", subject].before and dice.chance(0.2):
            words.append(dice.pick(WORDING["subject", subject].before))
    elif (place := kept.take("place")) is not None:
        noun = dice.pick(WORDING["place", place].tags)
    else:
        noun = dice.pick(LOOSE_NOUNS)
    if not words and dice.chance(0.2):
        words.append(dice.any_of(NEUTRAL))
    for attribute in ("weather", "time"):
        value = kept.single.get(attribute)
        if value is not None and WORDING[attribute, value].before[0] and dice.chance(0.25):
            words.append(dice.pick(WORDING[attribute, value].before))
            del kept.single[attribute]
    return " ".join([*words, noun] if not noun.startswith("the ") else [noun])


def _after(fact: Fact, dice: Dice) -> str:
    return dice.pick(WORDING[fact].after)


def _sentence(kept: Kept, dice: Dice) -> list[str]:
    """Write "a snowy cabin on the left in the woods at dusk, with birds overhead"."""
    if not kept.single and kept.extras and not kept.phrases:
        text = dice.pick(WORDING["extras", kept.extras.pop(0)].clauses)
    else:
        text = _article(_head(kept, dice), dice)
    return _where(text, kept, dice)


def _where(text: str, kept: Kept, dice: Dice) -> list[str]:
    """Say behind what a sentence is about where that is, and all else that is to be seen."""
    if (side := kept.take("side")) is not None:
        text += " " + _after(("side", side), dice)
    if (place := kept.take("place")) is not None:
        text += " " + _after(("place", place), dice)
    rest = dice.shuffled([*(_after(fact, dice) for fact in kept.rest()), *kept.phrases])
    if rest and not dice.chance(0.3):
        text += " " + rest.pop(0)
    return [text, *rest]


def _tags(kept: Kept, dice: Dice) -> list[str]:
    """Write "castle on the right, sunset, mountains, birds"."""
    parts = list(kept.phrases)
    if (side := kept.take("side")) is not None:
        parts.append(f"{dice.pick(WORDING['subject', kept.single.pop('subject')].tags)} {_after(('side', side), dice)}")
    return dice.shuffled([*parts, *(dice.pick(WORDING[fact].tags) for fact in kept.rest())])


def _clauses(kept: Kept, dice: Dice) -> list[str]:
    """Write "the moon shines as an old boat drifts by the sea", with further clauses behind."""
    clauses: list[str] = []
    subject = kept.single.get("subject")
    if subject is not None:
        text = f"{_article(_head(kept, dice), dice)} {dice.pick(WORDING['subject', subject].clauses)}"
        for attribute in ("side", "place"):
            if (value := kept.take(attribute)) is not None:
                text += " " + _after((attribute, value), dice)
        clauses.append(text)
    loose: list[str] = list(kept.phrases)
    for fact in kept.rest():
        wording = WORDING[fact]
        if wording.clauses and dice.chance(0.6):
            clauses.append(dice.pick(wording.clauses))
        else:
            loose.append(_after(fact, dice))
    clauses = dice.shuffled(clauses)
    if len(clauses) > 1:
        clauses[:2] = [f"{clauses[0]} {dice.pick(('as', 'while', 'and'))} {clauses[1]}"]
    return [*clauses, *loose]


def _hair(kept: Kept, dice: Dice) -> str:
    """Return "long red" for the hair facts that are kept, or nothing."""
    length, colour = kept.take("hair_length"), kept.take("hair")
    words = [dice.pick(HAIR_LENGTHS[length])] if length else []
    return " ".join([*words, dice.pick(HAIR[colour])] if colour else words)


def _dress(kept: Kept, person: str, dice: Dice) -> str:
    colour = kept.take("dress")
    return f"{dice.pick(DRESSES[colour])} {dice.pick(GARMENTS[person])}" if colour else ""


def _background(kept: Kept, dice: Dice) -> list[str]:
    """Return what is behind a person, and at which side the person is."""
    parts = list(kept.phrases)
    if (place := kept.take("place")) is not None:
        noun = dice.pick(WORDING["place", place].tags)
        parts.append(dice.pick((f"{noun} background", f"with {noun} behind", f"before {noun}", f"{noun} in the background")))
    parts += [dice.pick(WORDING[fact].tags) if dice.chance(0.3) else _after(fact, dice) for fact in kept.rest()]
    return dice.shuffled(parts)


def _portrait_sentence(kept: Kept, dice: Dice) -> list[str]:
    """Write "a portrait of a girl with long red hair in a blue dress, smiling, blue sky"."""
    person, hair = kept.take("person"), _hair(kept, dice)
    noun = dice.pick(WORDING["person", person].tags) if person else "person"
    dress, mood = _dress(kept, person or "girl", dice), kept.take("expression")
    adjectives = [dice.pick(WORDING["expression", mood].before)] if mood and dice.chance(0.4) else []
    text = " ".join([*adjectives, noun])
    haired = bool(hair) and dice.chance(0.25)
    if haired:
        text = " ".join([*adjectives, f"{hair.replace(' ', '-')}-haired", noun])
    text = f"{'an' if text[0] in 'aeiou' else 'a'} {text}"
    if person is None or not dice.chance(0.4):
        text = dice.pick(("a portrait of", "portrait of", "a close-up of", "close-up portrait of")) + " " + text
    if hair and not haired:
        text += f" with {hair} hair"
    if dress:
        text += dice.pick((f" in a {dress}", f" wearing a {dress}", f", {dress}"))
    moods = [_after(("expression", mood), dice)] if mood and not adjectives else []
    return [text, *moods, *_background(kept, dice)]


def _portrait_tags(kept: Kept, dice: Dice) -> list[str]:
    """Write "girl, portrait, red hair, long hair, smiling, blue dress, sea"."""
    person, hair = kept.take("person"), _hair(kept, dice)
    parts = [dice.pick(WORDING["person", person].tags)] if person else []
    if person is None or dice.chance(0.5):
        parts.append(dice.pick(("portrait", "close-up", "close-up portrait", "face")))
    if hair:
        parts.append(f"{hair} hair")
    if dress := _dress(kept, person or "girl", dice):
        parts.append(dress)
    if mood := kept.take("expression"):
        parts.append(dice.pick(WORDING["expression", mood].tags))
    background = _background(kept, dice)
    return dice.shuffled([*parts, *background]) if dice.chance(0.4) else [*parts, *background]


def _with_foreign(parts: list[str], dice: Dice) -> list[str]:
    """Put one to four phrases that state nothing before, behind or between the parts."""
    for _ in range(1 + int(dice.roll() * 4)):
        phrase = dice.any_of(QUALITY if dice.chance(0.4) else STORY if dice.chance(0.15) else EVERYDAY)
        parts.insert(int(dice.roll() * (len(parts) + 1)), phrase)
    return parts


def _written(text: str, dice: Dice) -> str:
    """Vary capitals and the full stop as people do."""
    roll = dice.roll()
    if roll < 0.45:
        text = text[0].upper() + text[1:]
    elif roll < 0.48:
        text = text.title() if "'" not in text else text
    return text + "." if dice.chance(0.2) else text
