r"""Emphasis in prompts, in the common syntax: `(word)` and `((word))`, `(word:1.2)`, `[word]`, and `\(` for a bracket that is meant.

A round bracket weighs what it holds 1.1 times, or as much as the number after a colon says; a square one divides by 1.1; nested
ones multiply. (Syntax: AUTOMATIC1111's stable-diffusion-webui, wiki page Features, "Attention/emphasis".)
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

STEP = 1.1
"""What one bracket without a number weighs."""
MOST = 10.0
"""The most that brackets can weigh together."""
ENDINGS = {")": "(", "]": "["}
NUMBER = re.compile(r":\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*([)\]])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emphasis:
    """A prompt without its brackets, and how much each character of it weighs; 1.0 is as usual."""

    text: str
    weights: tuple[float, ...]
    doubts: tuple[str, ...] = ()
    """What of the brackets could not be read as meant, in words."""

    @property
    def plain(self) -> bool:
        """Whether nothing is emphasised."""
        return all(weight == 1.0 for weight in self.weights)

    def weight(self, start: int, stop: int) -> float:
        """Return the mean weight of the characters from `start` to `stop`; 1.0 where there are none."""
        held = self.weights[start:stop]
        return 1.0 if not held or held == (1.0,) * len(held) else sum(held) / len(held)


@lru_cache(maxsize=4096)
def read_emphasis(prompt: str) -> Emphasis:
    r"""Read a prompt; brackets that do not pair up stay in the text as plain signs, and a doubt names their place.

    >>> said = read_emphasis(r"a (red:1.5) castle \(old\)")
    >>> said.text, said.weight(2, 5), said.weight(6, 12)
    ('a red castle (old)', 1.5, 1.0)
    """
    reader = _Reader(prompt)
    while reader.at < len(prompt):
        reader.step()
    for place, index in reader.open:
        reader.doubt(place, f"{prompt[place]!r} is never closed, and is read as a plain sign")
        reader.letters[index] = prompt[place]
    shown = [(letter, weight) for letter, weight in zip(reader.letters, reader.weights, strict=True) if letter]
    return Emphasis(
        text="".join(letter for letter, _ in shown),
        weights=tuple(weight for _, weight in shown),
        doubts=tuple(text for _, text in sorted(reader.doubts)),
    )


def without_emphasis(prompt: str) -> str:
    """Return the words that the model reads."""
    return read_emphasis(prompt).text


@dataclass(slots=True)
class _Reader:
    prompt: str
    at: int = 0
    letters: list[str] = field(default_factory=list)
    """One sign each; nothing where a bracket stood."""
    weights: list[float] = field(default_factory=list)
    open: list[tuple[int, int]] = field(default_factory=list)
    """Where each open bracket stands in the prompt and among the letters."""
    doubts: list[tuple[int, str]] = field(default_factory=list)

    def step(self) -> None:
        """Read the next sign."""
        sign, following = self.prompt[self.at], self.prompt[self.at + 1 : self.at + 2]
        if sign == "\\" and following and following in "()[]\\":
            self.write(following, signs=2)
        elif sign in "([":
            self.open.append((self.at, len(self.letters)))
            self.write("")
        elif sign == ":" and (number := NUMBER.match(self.prompt, self.at)) and self.opened_by(number[2]):
            self.close_weighing(number)
        elif sign in ")]":
            self.close(sign)
        else:
            self.write(sign)

    def write(self, letter: str, signs: int = 1) -> None:
        self.letters.append(letter)
        self.weights.append(1.0)
        self.at += signs

    def opened_by(self, closing: str) -> bool:
        return bool(self.open) and self.prompt[self.open[-1][0]] == ENDINGS[closing]

    def close(self, sign: str) -> None:
        """Close a bracket that has no number."""
        if self.opened_by(sign):
            self.weigh(STEP if sign == ")" else 1 / STEP)
            self.at += 1
        else:
            self.doubt(self.at, f"{sign!r} closes nothing, and is read as a plain sign")
            self.write(sign)

    def close_weighing(self, number: re.Match[str]) -> None:
        """Close a bracket that says its own weight; the number is not drawn, even where it does not count."""
        weight = float(number[1])
        if number[2] == "]":
            self.doubt(self.at, f"square brackets take no number, so {number[1]} is passed over: write (...:{number[1]})")
            weight = 1 / STEP
        elif weight < 0:
            self.doubt(self.at, f"the weight {number[1]} is below 0, and 0 is taken")
        self.weigh(max(weight, 0.0))
        self.at = number.end()

    def weigh(self, weight: float) -> None:
        """Close the innermost bracket: all that it holds weighs so much more."""
        place, index = self.open.pop()
        heaviest = 0.0
        for held in range(index + 1, len(self.letters)):
            heaviest = max(heaviest, self.weights[held] * weight)
            self.weights[held] = min(self.weights[held] * weight, MOST)
        if heaviest > MOST:
            self.doubt(place, f"the weight {heaviest:g} is over {MOST:g}, and {MOST:g} is taken")

    def doubt(self, place: int, text: str) -> None:
        self.doubts.append((place, f"emphasis at character {place + 1}: {text}"))
