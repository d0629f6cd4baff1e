r"""Emphasis in prompts, in the syntax of AUTOMATIC1111's web UI.

`(word)` and `((word))`, `(word:1.2)`, `[word]`, and `\(` for a literal bracket.

A round bracket multiplies the weight of its content by 1.1, or by the number after a colon; a square one divides by 1.1; nested
ones multiply. (Syntax: AUTOMATIC1111's stable-diffusion-webui, wiki page Features, "Attention/emphasis".)
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

STEP = 1.1
"""Weight of one bracket without a number."""
MAX_WEIGHT = 10.0
"""The highest weight of nested brackets."""
ENDINGS = {")": "(", "]": "["}
LORA_TAG = re.compile(r"<(?:lora|lyco):([^<>]+)>")
"""AUTOMATIC1111's LoRA in a prompt, "<lora:name:0.8>"."""
MAX_DEPTH = 50
"""Brackets inside each other; further ones are read literally, so that the time for a prompt grows with its length alone."""
MAX_WARNINGS = 5
"""Messages about one prompt's brackets."""
NUMBER = re.compile(r":\s*([+-]?(?:\d{1,20}(?:\.\d{0,20})?|\.\d{1,20}))\s*([)\]])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Emphasis:
    """A prompt without brackets, and its characters' weights.

    1.0 is no emphasis.
    """

    text: str
    weights: tuple[float, ...]
    warnings: tuple[str, ...] = ()
    """Messages about brackets that could not be parsed, and about LoRA tags."""

    @property
    def plain(self) -> bool:
        """Whether all weights are 1.0."""
        return all(weight == 1.0 for weight in self.weights)

    def weight(self, start: int, stop: int) -> float:
        """Return the mean weight of characters, or 1.0."""
        held = self.weights[start:stop]
        return 1.0 if not held or held == (1.0,) * len(held) else sum(held) / len(held)


@lru_cache(maxsize=4096)
def read_emphasis(prompt: str) -> Emphasis:
    r"""Parse the emphasis of a prompt.

    Unpaired brackets stay literal, with a warning.

    >>> emphasis = read_emphasis(r"a (red:1.5) castle \(old\)")
    >>> emphasis.text, emphasis.weight(2, 5), emphasis.weight(6, 12)
    ('a red castle (old)', 1.5, 1.0)
    """
    reader = _Reader(prompt)
    while reader.at < len(prompt):
        reader.step()
    for place, index in reader.open:
        reader.warn(place, f"{prompt[place]!r} is never closed and is read literally")
        reader.letters[index] = prompt[place]
    tags = [f"{tag[0]} is read as words; a LoRA is applied with the option --style {tag[1]}" for tag in LORA_TAG.finditer(prompt)]
    warnings = [text for _, text in sorted(reader.warnings)]
    more = [f"emphasis: {len(warnings) - MAX_WARNINGS} more brackets are read so"] if len(warnings) > MAX_WARNINGS else []
    shown = [(letter, weight) for letter, weight in zip(reader.letters, reader.weights, strict=True) if letter]
    return Emphasis(
        text="".join(letter for letter, _ in shown),
        weights=tuple(weight for _, weight in shown),
        warnings=(*warnings[:MAX_WARNINGS], *more, *tags),
    )


def without_emphasis(prompt: str) -> str:
    """Return a prompt without emphasis marks."""
    return read_emphasis(prompt).text


@dataclass(slots=True)
class _Reader:
    prompt: str
    at: int = 0
    letters: list[str] = field(default_factory=list)
    """One character each; empty for brackets."""
    weights: list[float] = field(default_factory=list)
    open: list[tuple[int, int]] = field(default_factory=list)
    """Index of each open bracket in the prompt and among the letters."""
    warnings: list[tuple[int, str]] = field(default_factory=list)

    def step(self) -> None:
        """Read the next character."""
        sign, following = self.prompt[self.at], self.prompt[self.at + 1 : self.at + 2]
        if sign == "\\" and following and following in "()[]\\":
            self.write(following, signs=2)
        elif sign in "([" and len(self.open) < MAX_DEPTH:
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
            self.warn(self.at, f"{sign!r} closes nothing and is read literally")
            self.write(sign)

    def close_weighing(self, number: re.Match[str]) -> None:
        """Close a bracket with a weight.

        The number never becomes part of the prompt.
        """
        weight = float(number[1])
        if number[2] == "]":
            self.warn(self.at, f"square brackets take no number, so {number[1]} is ignored; write (...:{number[1]})")
            weight = 1 / STEP
        elif weight < 0:
            self.warn(self.at, f"the weight {number[1]} is below 0; 0 is used")
        self.weigh(max(weight, 0.0))
        self.at = number.end()

    def weigh(self, weight: float) -> None:
        """Close the innermost bracket and multiply the weights within."""
        place, index = self.open.pop()
        heaviest = 0.0
        for held in range(index + 1, len(self.letters)):
            heaviest = max(heaviest, self.weights[held] * weight)
            self.weights[held] = min(self.weights[held] * weight, MAX_WEIGHT)
        if heaviest > MAX_WEIGHT:
            self.warn(place, f"the weight {heaviest:g} is over {MAX_WEIGHT:g}; {MAX_WEIGHT:g} is used")

    def warn(self, place: int, text: str) -> None:
        self.warnings.append((place, f"emphasis at character {place + 1}: {text}"))
