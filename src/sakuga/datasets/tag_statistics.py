"""Tags of a set's captions, counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sakuga.datasets.captions import contains_phrase
from sakuga.datasets.training_set import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class TagCount:
    """A tag with the number of captions that have it."""

    tag: str
    captions: int
    share: float
    """Of all captions, 0 to 1."""


def split_tags(caption: str) -> list[str]:
    """Return a caption's tags, its parts between commas.

    >>> split_tags("a boat,  ink wash, ")
    ['a boat', 'ink wash']
    """
    return [tag for part in caption.split(",") if (tag := " ".join(part.split()))]


def count_tags(examples: Sequence[Example]) -> list[TagCount]:
    """Count the captions that have each tag, the commonest first."""
    counts = Counter(tag for example in examples for tag in dict.fromkeys(split_tags(example.text)))
    total = max(1, len(examples))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [TagCount(tag=tag, captions=count, share=round(count / total, 4)) for tag, count in ordered]


def without_trigger(examples: Sequence[Example], trigger: str) -> list[str]:
    """List the files whose caption lacks the trigger word."""
    return [example.file for example in examples if trigger and not contains_phrase(trigger, example.text)]
