"""Styles as an artist asks for them: "comic", "comic:0.8", "comic:0.8, pixel:0.3"; found, worn, and said in the prompt."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from sakuga.models.sources import Source
from sakuga.models.styles import Style, StyleError, find_style, own_styles
from sakuga.story.film import Film
from sakuga.story.keys import mapped
from sakuga.story.storyboard import Shot, Storyboard, said
from sakuga.timeline.spec import Worn

STRONGEST = 4.0
WEIGHTED = re.compile(r"(?P<name>.+?)(?::(?P<weight>-?(?:\d+\.?\d*|\.\d+)))?")


def find_styles(asked: str | None, source: Source) -> list[tuple[Style, float]]:
    """Find each style with its weight, which is 1 unless said; raises StyleError."""
    found: list[tuple[Style, float]] = []
    for name, weight in map(parsed, _pieces(asked)):
        style = find_style(name, source)
        if abs(weight) > STRONGEST:
            raise StyleError(f"style {style.name!r} cannot be worn with weight {weight:g}: choose -{STRONGEST:g} to {STRONGEST:g}")
        if any(style.digest == other.digest for other, _ in found):
            raise StyleError(f"style {style.name!r} is asked for twice: give it one weight")
        found.append((style, weight))
    return found


def parsed(text: str) -> tuple[str, float]:
    """Read "comic:0.8" as a name and its weight, which is 1 unless said."""
    parts = WEIGHTED.fullmatch(text)
    assert parts, "anything is a name"
    return parts["name"].strip(), float(parts["weight"] or 1.0)


def _pieces(asked: str | None) -> list[str]:
    return [piece.strip() for piece in (asked or "").split(",") if piece.strip()]


def parse_prompt_styles(said: Iterable[str], prompts: int) -> tuple[list[str], tuple[str, ...]]:
    """Read "comic:0.8", which all prompts wear, and "2=comic:0.8", which the second wears; raises StyleError.

    Returns the styles of all, and those of each prompt.

    >>> parse_prompt_styles(["cel", "2=comic:0.5", "2=pixel"], 2)
    (['cel'], ('', 'comic:0.5, pixel'))
    """
    numbered = [(re.fullmatch(r"(\d+)=(.+)", text), text) for text in said]
    own: list[list[str]] = [[] for _ in range(prompts)]
    for found, text in numbered:
        if found and not 1 <= int(found[1]) <= prompts:
            raise StyleError(f"style {text!r} is for prompt {found[1]}, and there are {prompts}: count from 1")
        if found:
            own[int(found[1]) - 1].append(found[2])
    return [text for found, text in numbered if not found], tuple(", ".join(styles) for styles in own)


def worn(styles: Iterable[tuple[Style, float]]) -> tuple[Worn, ...]:
    """Say by digests what is worn."""
    return tuple(Worn(style=style.digest, weight=weight) for style, weight in styles)


def triggers(styles: Iterable[tuple[Style, float]]) -> list[str]:
    """List the words that call the styles up; one that is turned around is not called."""
    return [style.trigger for style, weight in styles if style.trigger and weight > 0]


def worded(prompt: str, styles: Iterable[tuple[Style, float]]) -> str:
    """Say in a prompt the trigger words that it does not say itself."""
    return _with(prompt, triggers(styles))


def styles_of(film: Film) -> tuple[str | None, ...]:
    """List what each shot of a film asks to wear."""
    return tuple(film.settings.style if shot.style is None else shot.style for shot in film.storyboard.shots)


def found_by_shot(film: Film, source: Source) -> list[list[tuple[Style, float]]]:
    """Find what each shot wears; raises StyleError with the shot's number where it has styles of its own."""
    found = []
    for number, (shot, asked) in enumerate(zip(film.storyboard.shots, styles_of(film), strict=True), 1):
        try:
            found.append(find_styles(asked, source))
        except StyleError as error:
            raise error if shot.style is None else StyleError(f"shot {number}: {error}") from None
    return found


def worded_film(film: Film, source: Source) -> Storyboard:
    """Let every shot say the trigger words of what it wears.

    What all shots say goes into the bible, where a shot that names another look is left alone; the rest is said by the shots themselves.
    """
    board, called = film.storyboard, [triggers(styles) for styles in found_by_shot(film, source)]
    everywhere = [trigger for trigger in called[0] if all(trigger in triggers for triggers in called)]
    shots = (_saying(shot, [one for one in own if one not in everywhere]) for shot, own in zip(board.shots, called, strict=True))
    spoken = ", ".join(filter(None, [board.bible.style, *everywhere]))
    return replace(board, bible=replace(board.bible, style=spoken), shots=tuple(shots))


def _saying(shot: Shot, words: list[str]) -> Shot:
    turns = tuple(mapped(key, lambda prompt: _with(prompt, words)) for key in shot.turns)
    return replace(shot, prompt=_with(shot.prompt, words), turns=turns)


def _with(prompt: str, words: list[str]) -> str:
    return ", ".join([prompt, *(word for word in words if not said(word, prompt))])


def shared_name(style: Style, source: Source) -> str:
    """Name a style with no place on a disk: the checkpoint's own as they are called, others with the begin of their digest."""
    own = {one.digest: name for name, one in own_styles(source).items()}
    return own.get(style.digest) or f"{Path(style.name).name}@{style.digest[:8]}"


def shared_names(asked: str | None, source: Source) -> str | None:
    """Write styles that are asked for down with no place on a disk in their names."""
    return ", ".join(f"{shared_name(style, source)}:{weight:g}" for style, weight in find_styles(asked, source)) or None


def outside_styles(asked: Iterable[str | None], source: Source) -> dict[str, Style]:
    """List the styles that are not a checkpoint's own, each by its shared name."""
    found = [style for text in asked for style, _ in find_styles(text, source)]
    own = {style.digest for style in own_styles(source).values()}
    return {shared_name(style, source): style for style in found if style.digest not in own}


def found_at(asked: str | None, places: Mapping[str, str]) -> str | None:
    """Ask for styles where they lie here: each name that has a place gives way to it."""
    pieces = [parsed(text) for text in _pieces(asked)]
    return asked and ", ".join(f"{places.get(name, name)}:{weight:g}" for name, weight in pieces)
