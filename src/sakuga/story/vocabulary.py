"""Words that the Sketchbook does not know or cannot generate."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from sakuga.sketchbook.caption_reading import caption_phrases, normalise
from sakuga.sketchbook.filler_words import EVERYDAY, NEUTRAL, NOT_THINGS, QUALITY, STORY
from sakuga.story.emphasis import without_emphasis
from sakuga.story.prompt_grammar import said_by, with_ascii_brackets

PRONOUNS = frozenset(("he", "she", "they", "it", "him", "them"))
_MANY = 3
"""Unknown words from which on a prompt may be in another language."""
_SHORTEST = 3
"""Letters that a word without its ending has at least."""


def words_of(text: str) -> list[str]:
    """Return the normalised words of a text."""
    return re.findall(r"[^\W\d_][\w']*", normalise(text))


def vocabulary_warnings(prompts: Iterable[str], known: frozenset[str] | None, trigger_words: Iterable[str] = ()) -> list[str]:
    """Return warnings about words without effect.

    `known` is the model's vocabulary, `trigger_words` are the applied styles' own. Inflected forms of known words are known.

    >>> vocabulary_warnings(["a fox on a hill"], frozenset(("a", "fox", "on", "hills")))
    ["the Sketchbook cannot generate 'fox'; describe something else, or use another checkpoint"]
    """
    if known is None:
        return []
    text = ", ".join(without_emphasis(one) for prompt in prompts for one in said_by(with_ascii_brackets(prompt)))
    triggers = frozenset(word for trigger in trigger_words for word in words_of(trigger))
    warnings = []
    if unknown := unknown_words(text, known | triggers):
        remedy = "; describe it in English, with common words" if len(unknown) >= _MANY else ""
        warnings.append(f"the Sketchbook does not know {_quoted(unknown)}; such words may have no effect{remedy}")
    if missing := [word for word in undrawable_words(text) if word not in triggers]:
        warnings.append(f"the Sketchbook cannot generate {_quoted(missing)}; describe something else, or use another checkpoint")
    return warnings


def unknown_words(text: str, known: frozenset[str]) -> list[str]:
    """Return words unknown in every inflected form."""
    stems = _stems_of(known)
    return [word for word in dict.fromkeys(words_of(text)) if word not in PRONOUNS and stems.isdisjoint(stems_of(word))]


def undrawable_words(text: str) -> list[str]:
    """Return known words for things never shown in training."""
    things = _stems_of(_things())
    return [word for word in dict.fromkeys(words_of(text)) if word not in _caption_words() and not things.isdisjoint(stems_of(word))]


def stems_of(word: str) -> frozenset[str]:
    """Return a word and its possible base forms.

    >>> sorted(stems_of("running"))
    ['run', 'runn', 'runne', 'running']
    >>> sorted(stems_of("foxes"))
    ['fox', 'foxe', 'foxes']
    """
    return frozenset((word, *(stem for stem in _shortened(word) if len(stem) >= _SHORTEST)))


def _shortened(word: str) -> Iterator[str]:
    bare = word.removesuffix("'s").removesuffix("'")
    if bare != word:
        yield bare
    if bare.endswith("s") and not bare.endswith("ss"):
        yield bare[:-1]
    if bare.endswith(("ses", "xes", "zes", "ches", "shes", "oes")):
        yield bare[:-2]
    if bare.endswith(("ies", "ied")):
        yield f"{bare[:-3]}y"
    if bare.endswith("ves"):
        yield f"{bare[:-3]}f"
        yield f"{bare[:-3]}fe"
    for ending in ("ing", "ed"):
        if bare.endswith(ending):
            stem = bare.removesuffix(ending)
            yield stem
            yield f"{stem}e"
            if len(stem) > 2 and stem[-1] == stem[-2]:
                yield stem[:-1]


@lru_cache(maxsize=8)
def _stems_of(words: frozenset[str]) -> frozenset[str]:
    return frozenset(stem for word in words for stem in stems_of(word))


@lru_cache(maxsize=1)
def _things() -> frozenset[str]:
    """Return words for things that training images never show."""
    return frozenset(word for entry in EVERYDAY if entry not in NOT_THINGS for word in words_of(entry))


@lru_cache(maxsize=1)
def _caption_words() -> frozenset[str]:
    """Return caption words with a meaning or mood."""
    phrases = (*caption_phrases(), *QUALITY, *STORY, *NEUTRAL)
    return frozenset(word for phrase in phrases for word in words_of(phrase))


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(map(repr, words))
