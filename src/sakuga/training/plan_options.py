"""Kinds of options of trainings, and how their texts are read."""

import re
from dataclasses import dataclass
from typing import Any

from sakuga.story.limits import MAX_COUNT, MAX_FACTOR
from sakuga.story.options import Number, Option, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount(Number):
    """A number from 0, unless it declares other limits."""

    least: float = 0
    most: float = MAX_FACTOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Amount):
    """A whole number from 1."""

    least: float = 1
    most: float = MAX_COUNT
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Option):
    """On or off."""

    def read(self, value: Any) -> bool:
        """Return a bool."""
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is neither true nor false")
        return value

    def write(self, value: Any) -> Any:
        """Return "on" or "off"."""
        return "on" if value else "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words(Option):
    """Several texts."""

    def read(self, value: Any) -> tuple[str, ...]:
        """Return a tuple of str."""
        if isinstance(value, str) or not all(isinstance(word, str) for word in value):
            raise ValueError(f"{value!r} is not a list of texts")
        return tuple(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder(Text):
    """A word that prompts and files can hold; empty for the default."""

    def read(self, value: Any) -> str:
        """Return the word."""
        from sakuga.models.embeddings import check_word

        word = Text.read(self, value)
        return check_word(word) if word else word


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRates(Text):
    """Learning rates of blocks as shares of the whole: "down=0.5,mid=1,text=0.1"."""

    def read(self, value: Any) -> str:
        """Return the text, as `parse_block_rates` reads it."""
        parse_block_rates(Text.read(self, value))
        return str(value).replace(" ", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Text):
    """Numbers with commas: "96,160"."""

    least: float
    most: float

    def read(self, value: Any) -> str:
        """Return the text, as `parse_numbers` reads it."""
        wrong = [number for number in parse_numbers(Text.read(self, value)) if not self.least <= number <= self.most]
        if wrong:
            raise ValueError(f"{wrong[0]:g} is out of range; choose {self.least:g} to {self.most:g}")
        return str(value).replace(" ", "")


def parse_numbers(text: str) -> tuple[float, ...]:
    """Return the numbers of a text with commas; raises ValueError.

    >>> parse_numbers("0.5, 1"), parse_numbers("")
    ((0.5, 1.0), ())
    """
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no list of numbers; write them with commas between, as 0.5,1") from None


BLOCK = re.compile(r"(text|unet|mid|(down|up)(\.\d+){0,2})=([0-9.e-]+)")


def parse_block_rates(text: str) -> tuple[tuple[str, float], ...]:
    """Return the blocks of "down=0.5,text=0.1" with their shares of the learning rate.

    Blocks are named as in the weights of a style. Raises ValueError.

    >>> parse_block_rates("down.0=0.5, text=0")
    (('down.0', 0.5), ('text', 0.0))
    """
    parts = [part for part in text.replace(" ", "").split(",") if part]
    found = [BLOCK.fullmatch(part) for part in parts]
    if wrong := next((part for part, match in zip(parts, found, strict=True) if not match), None):
        raise ValueError(f"{wrong!r} is no rate of a block; write down=0.5, up.1=0, mid=1, unet=1 or text=0.1, with commas between")
    rates = tuple((match[1], float(match[4])) for match in found if match)
    if any(not 0 <= rate <= MAX_FACTOR for _, rate in rates):
        raise ValueError(f"a rate of {text!r} is out of range; choose 0 to {MAX_FACTOR:g}")
    return rates
