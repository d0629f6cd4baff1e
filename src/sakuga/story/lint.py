"""Checks of a storyboard's prompts."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sakuga.sketchbook.caption_reading import facts_in
from sakuga.story.cast_look import contradiction, pieces_of
from sakuga.story.storyboard import LITTLE_WORDS, PREPOSITIONS, Storyboard, full_prompts, is_covered_by
from sakuga.story.vocabulary import PRONOUNS, vocabulary_warnings
from sakuga.text import listed

_DETERMINERS = frozenset(("a", "an", "the", "one", "two", "three", "my"))
_NO_NAMES = (
    LITTLE_WORDS | PREPOSITIONS | {"now", "then", "later", "suddenly", "finally", "here", "there", "inside", "outside", "when", "while"}
)
_VERBLESS = re.compile(r"\b[Ii]t (?:is |starts |begins )?(?:rain|snow|drizzl)\w*")
"""Weather, where "it" refers to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintNote:
    """A warning about one shot, counted from 0.

    `rule` is tokens, style, look, pronoun, words, emphasis, negative or motion.
    """

    shot: int
    rule: str
    message: str


def lint_storyboard(
    storyboard: Storyboard,
    count_tokens: Callable[[str], int],
    token_limit: int,
    known_words: frozenset[str] | None,
    trigger_words: Iterable[str] = (),
) -> list[LintNote]:
    """Check every full prompt of a storyboard.

    `known_words` None knows every word.
    """
    triggers = tuple(trigger_words)
    notes: list[LintNote] = []
    for index, shot in enumerate(storyboard.shots):
        for prompt, own in zip(full_prompts(storyboard, index), (shot.prompt, *(key.value for key in shot.turns)), strict=True):
            tokens = count_tokens(prompt)
            if tokens > token_limit:
                message = f"the prompt has {tokens} tokens, but the model reads only {token_limit}; shorten it"
                notes.append(LintNote(shot=index, rule="tokens", message=message))
            if storyboard.bible.style and not is_covered_by(storyboard.bible.style, prompt):
                message = f"the prompt names another style than the film's, {storyboard.bible.style!r}"
                notes.append(LintNote(shot=index, rule="style", message=message))
            for piece, words in _look_contradictions(storyboard, own):
                message = f"the prompt says {words!r}, the bible's look {piece!r}: change one, so that it stays the same in all shots"
                notes.append(LintNote(shot=index, rule="look", message=message))
            if pronoun := loose_pronoun(own):
                message = f"{pronoun!r} refers to nobody; name the person or thing, since each shot is generated on its own"
                notes.append(LintNote(shot=index, rule="pronoun", message=message))
            for message in (*wordless_warnings(own), *vocabulary_warnings([prompt], known_words, triggers)):
                notes.append(LintNote(shot=index, rule="words", message=message))
    return notes


def _look_contradictions(storyboard: Storyboard, prompt: str) -> Iterator[tuple[str, str]]:
    """Yield each piece of the bible's look that a prompt contradicts, and by which words."""
    for piece in pieces_of(storyboard.bible.look):
        if words := contradiction(piece, prompt):
            yield piece, words


def wordless_warnings(prompt: str) -> list[str]:
    """Warn about a prompt without a letter or digit, such as one of emoji."""
    if any(map(str.isalnum, prompt)):
        return []
    return [f"the prompt {prompt!r} has no words, and models read words: describe what the image shows"]


def by_shots(is_covered_by: Iterable[tuple[int, str]]) -> list[str]:
    """Format notes on shots, joining equal ones.

    Shots are counted from 0.

    >>> by_shots([(0, "dull"), (1, "long"), (1, "dull")])
    ['shots 1 and 2: dull', 'shot 2: long']
    """
    shots: dict[str, list[str]] = {}
    for shot, message in is_covered_by:
        shots.setdefault(message, []).append(str(shot + 1))
    return [f"{_shots(list(dict.fromkeys(numbers)))}: {message}" for message, numbers in shots.items()]


def _shots(numbers: list[str]) -> str:
    return f"shots {listed(numbers)}" if len(numbers) > 1 else f"shot {numbers[0]}"


def loose_pronoun(prompt: str) -> str | None:
    """Return the first pronoun that refers to nothing, or None."""
    text = _VERBLESS.sub("weather", prompt.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    for found in re.finditer(r"[\w']+", text):
        if found.group().lower().split("'")[0] in PRONOUNS:
            before = text[: found.start()]
            return None if _names_somebody(before) else found.group().lower()
    return None


def _names_somebody(text: str) -> bool:
    words = re.findall(r"[\w']+", text)
    names = (word for word in words if word[0].isupper() and word.lower() not in _NO_NAMES and not word.endswith("ing"))
    return any(word.lower() in _DETERMINERS for word in words) or any(names) or bool(facts_in(text))
