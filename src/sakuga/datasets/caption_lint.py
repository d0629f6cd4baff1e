"""Caption checks: missing, too long, repetitive or identical captions, trigger words."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from sakuga.datasets.captions import contains_phrase
from sakuga.datasets.findings import Finding
from sakuga.datasets.training_set import Example

PHRASE_WORDS = 4
"""Words in a row that count as a repeated phrase."""
COMMON, MANY = 0.6, 10
"""Share of captions that makes a phrase common, and the fewest captions for which this is checked."""
MARKS = ("watermark", "watermarked", "signature", "signed", "logo", "copyright", "stock photo", "artist name", "web address")
"""Caption words that suggest writing on the image."""


def lint_captions(examples: Sequence[Example], trigger: str, count_tokens: Callable[[str], int], limit: int) -> Iterator[Finding]:
    """Check all captions; yields findings.

    `count_tokens` includes the begin and end tokens; `limit` is the most that the model reads.
    """
    captioned = [example for example in examples if example.text]
    yield from _each("empty", "has no caption", (e for e in examples if not e.text))
    if trigger:
        yield from _each("trigger", f"lacks the trigger word {trigger!r}", (e for e in captioned if not contains_phrase(trigger, e.text)))
        yield from _each("trigger twice", f"contains {trigger!r} more than once", (e for e in captioned if _count(trigger, e.text) > 1))
    for example in captioned:
        if (tokens := count_tokens(example.text)) > limit:
            yield Finding(rule="tokens", files=(example.file,), message=f"has {tokens} tokens, and the model reads only {limit}")
        if phrase := repeated_phrase(example.text):
            yield Finding(rule="repetition", files=(example.file,), message=f"repeats {phrase!r}")
        if marks := [word for word in MARKS if contains_phrase(word, example.text)]:
            yield Finding(rule="writing", files=(example.file,), message=f"mentions writing on the image ({', '.join(marks)})")
    yield from _duplicates(captioned)
    if (common := common_phrase([example.text for example in captioned], trigger)) is not None:
        phrase, count = common
        message = f"{count} of {len(captioned)} captions contain {phrase!r}: it will act as a trigger word"
        yield Finding(rule="common phrase", files=(), message=message)


def repeated_phrase(text: str) -> str | None:
    """Return a phrase that a caption repeats, or None.

    A phrase stands between commas, or is four words in a row.

    >>> repeated_phrase("a girl, smiling, a girl"), repeated_phrase("a girl and a boy by the sea")
    ('a girl', None)
    """
    words = re.findall(r"[\w']+", text.casefold())
    phrases = [" ".join(phrase.split()) for phrase in text.casefold().split(",")]
    runs = [" ".join(words[place : place + PHRASE_WORDS]) for place in range(len(words) - PHRASE_WORDS + 1)]
    for parts in (phrases, runs):
        counts = Counter(filter(None, parts))
        if counts and (most := counts.most_common(1)[0])[1] > 1:
            return most[0]
    return None


def common_phrase(texts: Sequence[str], trigger: str) -> tuple[str, int] | None:
    """Return a phrase that most captions contain, and their number.

    The trigger word does not count.
    """
    if len(texts) < MANY or len(set(texts)) == 1:
        return None
    counts: Counter[str] = Counter()
    for text in texts:
        words = re.findall(r"[\w']+", text.casefold())
        counts.update({" ".join(words[place : place + PHRASE_WORDS]) for place in range(len(words) - PHRASE_WORDS + 1)})
    known = " ".join(re.findall(r"[\w']+", trigger.casefold()))
    found = [
        (phrase, count) for phrase, count in counts.most_common(50) if count >= COMMON * len(texts) and not (known and known in phrase)
    ]
    return found[0] if found else None


def _duplicates(examples: Sequence[Example]) -> Iterator[Finding]:
    equal: dict[str, list[str]] = {}
    for example in examples:
        equal.setdefault(example.text.casefold(), []).append(example.file)
    for text, files in sorted(equal.items(), key=lambda item: -len(item[1])):
        if len(files) > 1:
            yield Finding(rule="same caption", files=tuple(files), message=f"{len(files)} images have the caption {text!r}")


def _each(rule: str, message: str, examples: Iterator[Example]) -> Iterator[Finding]:
    return (Finding(rule=rule, files=(example.file,), message=message) for example in examples)


def _count(trigger: str, text: str) -> int:
    words = r"\s+".join(re.escape(word) for word in trigger.split())
    return len(re.findall(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE))
