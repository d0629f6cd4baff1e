"""Styles as an artist asks for them: "comic", "comic:0.8", "comic:0.8, pixel:0.3"; found, worn, and said in the prompt."""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from sakuga.models.sources import Source
from sakuga.models.styles import Style, StyleError, find_style
from sakuga.story.storyboard import Storyboard, said
from sakuga.timeline.spec import Worn

STRONGEST = 4.0
WEIGHTED = re.compile(r"(?P<name>.+?)(?::(?P<weight>-?(?:\d+\.?\d*|\.\d+)))?")


def find_styles(asked: str | None, source: Source) -> list[tuple[Style, float]]:
    """Find each style with its weight, which is 1 unless said; raises StyleError."""
    found: list[tuple[Style, float]] = []
    for text in filter(None, (piece.strip() for piece in (asked or "").split(","))):
        parts = WEIGHTED.fullmatch(text)
        assert parts, "anything is a name"
        style, weight = find_style(parts["name"].strip(), source), float(parts["weight"] or 1.0)
        if abs(weight) > STRONGEST:
            raise StyleError(f"style {style.name!r} cannot be worn with weight {weight:g}: choose -{STRONGEST:g} to {STRONGEST:g}")
        if any(style.digest == other.digest for other, _ in found):
            raise StyleError(f"style {style.name!r} is asked for twice: give it one weight")
        found.append((style, weight))
    return found


def worn(styles: Iterable[tuple[Style, float]]) -> tuple[Worn, ...]:
    """Say by digests what is worn."""
    return tuple(Worn(style=style.digest, weight=weight) for style, weight in styles)


def triggers(styles: Iterable[tuple[Style, float]]) -> list[str]:
    """List the words that call the styles up; one that is turned around is not called."""
    return [style.trigger for style, weight in styles if style.trigger and weight > 0]


def worded(prompt: str, styles: Iterable[tuple[Style, float]]) -> str:
    """Say in a prompt the trigger words that it does not say itself."""
    return ", ".join([prompt, *(trigger for trigger in triggers(styles) if not said(trigger, prompt))])


def worded_storyboard(board: Storyboard, styles: Iterable[tuple[Style, float]]) -> Storyboard:
    """Let every shot say the trigger words, where its own words do not name another look."""
    spoken = ", ".join(filter(None, [board.bible.style, *triggers(styles)]))
    return replace(board, bible=replace(board.bible, style=spoken))


def shared_names(styles: Iterable[tuple[Style, float]]) -> str | None:
    """Write styles down with no place on a disk in their names."""
    return ", ".join(f"{Path(style.name).name}:{weight:g}" for style, weight in styles) or None
