"""What may be wrong with the captions of a training set."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from sakuga.datasets.captions import says
from sakuga.datasets.findings import Finding
from sakuga.datasets.training_set import Example

LONG = 4
"""Words in a row that nobody says twice by chance."""
COMMON, MANY = 0.6, 10
"""The share of captions that makes a phrase common to the set, and the captions from which on it is looked for."""
MARKS = ("watermark", "watermarked", "signature", "signed", "logo", "copyright", "stock photo", "artist name", "web address")
"""Words of a caption that say there is writing on the picture."""


def lint_captions(examples: Sequence[Example], trigger: str, count_tokens: Callable[[str], int], limit: int) -> Iterator[Finding]:
    """Look through all captions; `count_tokens` counts begin and end marks too, and `limit` is what the model reads."""
    spoken = [example for example in examples if example.text]
    yield from _each("empty", "has no caption", (e for e in examples if not e.text))
    if trigger:
        yield from _each("trigger", f"does not say the trigger word {trigger!r}", (e for e in spoken if not says(trigger, e.text)))
        yield from _each("trigger twice", f"says {trigger!r} more than once", (e for e in spoken if _count(trigger, e.text) > 1))
    for example in spoken:
        if (tokens := count_tokens(example.text)) > limit:
            yield Finding(rule="tokens", files=(example.file,), message=f"has {tokens} tokens, and the model reads {limit}")
        if phrase := repeated_phrase(example.text):
            yield Finding(rule="repetition", files=(example.file,), message=f"says {phrase!r} again and again")
        if marks := [word for word in MARKS if says(word, example.text)]:
            yield Finding(rule="writing", files=(example.file,), message=f"speaks of writing on the picture ({', '.join(marks)})")
    yield from _duplicates(spoken)
    if (common := common_phrase([example.text for example in spoken], trigger)) is not None:
        phrase, count = common
        message = f"{count} of {len(spoken)} captions say {phrase!r}: it will be learnt as if it were a trigger word"
        yield Finding(rule="common phrase", files=(), message=message)


def repeated_phrase(text: str) -> str | None:
    """Return a phrase between commas, or four words in a row, that a caption says more than once.

    >>> repeated_phrase("a girl, smiling, a girl"), repeated_phrase("a girl and a boy by the sea")
    ('a girl', None)
    """
    words = re.findall(r"[\w']+", text.casefold())
    phrases = [" ".join(phrase.split()) for phrase in text.casefold().split(",")]
    runs = [" ".join(words[place : place + LONG]) for place in range(len(words) - LONG + 1)]
    for said in (phrases, runs):
        counts = Counter(filter(None, said))
        if counts and (commonest := counts.most_common(1)[0])[1] > 1:
            return commonest[0]
    return None


def common_phrase(texts: Sequence[str], trigger: str) -> tuple[str, int] | None:
    """Return a phrase that most captions say, besides the trigger word, and how many do."""
    if len(texts) < MANY or len(set(texts)) == 1:
        return None
    counts: Counter[str] = Counter()
    for text in texts:
        words = re.findall(r"[\w']+", text.casefold())
        counts.update({" ".join(words[place : place + LONG]) for place in range(len(words) - LONG + 1)})
    known = " ".join(re.findall(r"[\w']+", trigger.casefold()))
    found = [
        (phrase, count) for phrase, count in counts.most_common(50) if count >= COMMON * len(texts) and not (known and known in phrase)
    ]
    return found[0] if found else None


def _duplicates(spoken: Sequence[Example]) -> Iterator[Finding]:
    alike: dict[str, list[str]] = {}
    for example in spoken:
        alike.setdefault(example.text.casefold(), []).append(example.file)
    for text, files in sorted(alike.items(), key=lambda item: -len(item[1])):
        if len(files) > 1:
            yield Finding(rule="same caption", files=tuple(files), message=f"{len(files)} pictures are called {text!r}")


def _each(rule: str, message: str, examples: Iterator[Example]) -> Iterator[Finding]:
    return (Finding(rule=rule, files=(example.file,), message=message) for example in examples)


def _count(trigger: str, text: str) -> int:
    words = r"\s+".join(re.escape(word) for word in trigger.split())
    return len(re.findall(rf"(?<!\w){words}(?!\w)", text, re.IGNORECASE))
