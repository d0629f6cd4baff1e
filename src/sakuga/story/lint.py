"""What may go wrong with a storyboard's prompts, said before anything is drawn."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sakuga.sketchbook.caption_reading import facts_in, normalise
from sakuga.story.emphasis import without_emphasis
from sakuga.story.storyboard import LITTLE_WORDS, PREPOSITIONS, Storyboard, prompts_of, said

_DETERMINERS = frozenset(("a", "an", "the", "one", "two", "three", "my"))
PRONOUNS = frozenset(("he", "she", "they", "it", "him", "them"))
_NO_NAMES = (
    LITTLE_WORDS | PREPOSITIONS | {"now", "then", "later", "suddenly", "finally", "here", "there", "inside", "outside", "when", "while"}
)
_VERBLESS = re.compile(r"\b[Ii]t (?:is |starts |begins )?(?:rain|snow|drizzl)\w*")
"""Weather, where "it" stands for nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintNote:
    """One doubt about one shot, counted from 0; `rule` is one of tokens, style, pronoun, words."""

    shot: int
    rule: str
    message: str


def lint(
    storyboard: Storyboard, count_tokens: Callable[[str], int], token_limit: int, known_words: frozenset[str] | None
) -> list[LintNote]:
    """Look through every whole prompt; without `known_words` the model is taken to know every word."""
    notes: list[LintNote] = []
    for index, shot in enumerate(storyboard.shots):
        for prompt, own in zip(prompts_of(storyboard, index), (shot.prompt, *(key.value for key in shot.turns)), strict=True):
            tokens = count_tokens(prompt)
            if tokens > token_limit:
                message = f"the prompt has {tokens} tokens, the model reads {token_limit}: what comes last is lost, so shorten it"
                notes.append(LintNote(shot=index, rule="tokens", message=message))
            if storyboard.bible.style and not said(storyboard.bible.style, prompt):
                message = f"the prompt does not name the style {storyboard.bible.style!r}, as its own words name another"
                notes.append(LintNote(shot=index, rule="style", message=message))
            if pronoun := loose_pronoun(own):
                message = f"{pronoun!r} has nobody before it to stand for: name whom you mean, as each shot is drawn alone"
                notes.append(LintNote(shot=index, rule="pronoun", message=message))
            if known_words is not None and (unknown := unknown_words(without_emphasis(prompt), known_words)):
                message = f"the Sketchbook has never seen {', '.join(map(repr, unknown))}: the picture may not show it"
                notes.append(LintNote(shot=index, rule="words", message=message))
    return notes


def by_shots(said: Iterable[tuple[int, str]]) -> list[str]:
    """Say what is said of shots, counted from 0, the same of several once.

    >>> by_shots([(0, "dull"), (1, "long"), (1, "dull")])
    ['shots 1 and 2: dull', 'shot 2: long']
    """
    shots: dict[str, list[str]] = {}
    for shot, message in said:
        shots.setdefault(message, []).append(str(shot + 1))
    return [f"{_listed(list(dict.fromkeys(numbers)))}: {message}" for message, numbers in shots.items()]


def _listed(numbers: list[str]) -> str:
    *first, last = numbers
    return f"shots {', '.join(first)} and {last}" if first else f"shot {last}"


def loose_pronoun(prompt: str) -> str | None:
    """Return the first pronoun with nobody before it to stand for ("a dragon", "birds", "Anna"), or None."""
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


def words_of(text: str) -> list[str]:
    """Return the words of a text, as a vocabulary knows them."""
    return re.findall(r"[^\W\d_][\w']*", normalise(text))


def unknown_words(prompt: str, known: frozenset[str]) -> list[str]:
    """Return the words that the vocabulary lacks, in order, each once; numbers and known words in the plural are fine."""
    return [
        word
        for word in dict.fromkeys(words_of(prompt))
        if word not in known | PRONOUNS and word.removesuffix("'s") not in known and word.removesuffix("s") not in known
    ]
