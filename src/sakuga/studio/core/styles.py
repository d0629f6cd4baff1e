"""Styles as an artist asks for them: "comic", "comic:0.8", "comic:0.8, pixel:0.3:up=0.5"; found, worn, and said in the prompt."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sakuga.models.checkpoint_files import Source
from sakuga.models.style_metadata import STRONGEST
from sakuga.models.styles import STYLES, Style, StyleError, find_style, own_styles
from sakuga.paths import home
from sakuga.story.emphasis import without_emphasis
from sakuga.story.film import Film
from sakuga.story.keys import Key, Keys, is_keyed, mapped, parse_texts, written
from sakuga.story.storyboard import Shot, Storyboard, prompts_of, said
from sakuga.timeline.spec import Worn

NONE = "none"
"""Asked for as a style, it is none, even where a prompt names one."""
_NUMBER = r"-?(?:\d+\.?\d*|\.\d+)"
WEIGHT = re.compile(_NUMBER)
SCALE = re.compile(rf"(text|unet|mid(?:\.\d+)?|(?:down|up)(?:\.\d+){{0,2}})=({_NUMBER})")
"""A part of the networks, and how much more or less it is changed than the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A style by its name, how strongly it is worn (None as the style says), and how strongly in parts: "comic:0.8:up=0.5"."""

    name: str
    weight: float | None = None
    scales: tuple[tuple[str, float], ...] = ()

    @property
    def text(self) -> str:
        weight = [] if self.weight is None else [f"{self.weight:g}"]
        return ":".join([self.name, *weight, *(f"{part}={scale:g}" for part, scale in self.scales)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A style that was found, and how it is wished for."""

    style: Style
    wish: Wish

    @property
    def weight(self) -> float:
        return self.style.about.weight if self.wish.weight is None else self.wish.weight

    def worn(self) -> Worn:
        """Say by its digest what is worn."""
        return Worn(style=self.style.digest, weight=self.weight, scales=self.wish.scales)


def styles_folder() -> Path:
    """Tell where a person's own styles are kept: $SAKUGA_HOME/styles."""
    return home() / STYLES


def find_styles(asked: str | None, source: Source) -> list[Found]:
    """Find each style with its weight, which is the style's own (mostly 1) unless said; raises StyleError."""
    found: list[Found] = []
    for piece in _pieces(asked):
        one = find_wish(piece, source)
        if any(one.style.digest == other.style.digest for other in found):
            raise StyleError(f"style {one.style.name!r} is asked for twice: give it one weight")
        found.append(one)
    return found


def find_wish(text: str, source: Source) -> Found:
    """Find one style; raises StyleError."""
    wish = parsed(text)
    found = Found(style=find_style(wish.name, source, styles_folder()), wish=wish)
    for number in (found.weight, *(scale for _, scale in wish.scales)):
        if abs(number) > STRONGEST:
            raise StyleError(f"style {found.style.name!r} cannot be worn with weight {number:g}: choose -{STRONGEST:g} to {STRONGEST:g}")
    if found.style.contents.words and found.weight < 0:
        raise StyleError(f"style {found.style.name!r} teaches a word, which is there or not: give it a weight above 0")
    return found


def parsed(text: str) -> Wish:
    """Read NAME, NAME:WEIGHT or NAME:WEIGHT:PART=SCALE...; a weight that is not said is None, and a name may have colons of its own.

    >>> parsed("hub:owner/ink:0.5:up.1=0:text=2")
    Wish(name='hub:owner/ink', weight=0.5, scales=(('up.1', 0.0), ('text', 2.0)))
    """
    pieces = text.split(":")
    scales: list[tuple[str, float]] = []
    while len(pieces) > 1 and (scaled := SCALE.fullmatch(pieces[-1].strip())):
        scales.insert(0, (scaled[1], float(scaled[2])))
        pieces.pop()
    weight = float(pieces.pop()) if len(pieces) > 1 and WEIGHT.fullmatch(pieces[-1].strip()) else None
    return Wish(name=":".join(pieces).strip(), weight=weight, scales=tuple(scales))


def _pieces(asked: str | None) -> list[str]:
    return [said for piece in (asked or "").split(",") if (said := piece.strip()) and said != NONE]


def named_style(prompts: Iterable[str], source: Source) -> str | None:
    """Find the one of a checkpoint's own styles that every prompt calls by its trigger, in any words that mean it, or return None.

    A model may know the word of a look, and yet draw it badly without the style.
    """
    prompts = tuple(prompts)
    named = [name for name, style in own_styles(source).items() if style.said and all(_says(style.said, prompt) for prompt in prompts)]
    return named[0] if prompts and len(named) == 1 else None


def named_note(name: str, where: str = "") -> str:
    """Tell a person that a style is worn because it was named."""
    return f"{where}{name} is named, so the style {name} is worn; --style {NONE} leaves it off"


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


def worn(found: Iterable[Found]) -> tuple[Worn, ...]:
    """Say by digests what is worn."""
    return tuple(one.worn() for one in found)


def triggers(found: Iterable[Found]) -> list[str]:
    """List the words that call the styles up, and those that suit them; one that is turned around is not called.

    Learnt words are weighed by emphasis.
    """
    called = [one for one in found if one.weight > 0]
    suiting = (one.style.about.suffix for one in called)
    return list(dict.fromkeys(filter(None, (*map(_called, called), *suiting))))


def _called(one: Found) -> str:
    said = one.style.said
    return f"({said}:{one.weight:g})" if said and one.style.contents.words and one.weight != 1 else said


def worded(prompt: str, found: Iterable[Found]) -> str:
    """Say in a prompt the trigger words that it does not say itself."""
    return _with(prompt, triggers(found))


def styles_of(film: Film) -> tuple[Keys[str], ...]:
    """List what each shot of a film asks to wear, by its keys; most have one."""
    usual = film.settings.style or ""
    asked = (usual if shot.style is None else shot.style for shot in film.storyboard.shots)
    return tuple(one if isinstance(one, tuple) else (Key(frame=0, value=one),) for one in asked)


def styled_as_named(film: Film, source: Source) -> tuple[Film, list[str]]:
    """Let shots that ask for no style wear the one that all their prompts name; returns what a person must know of it, too."""
    if film.settings.style is not None:
        return film, []
    board = film.storyboard
    bare = [number for number, shot in enumerate(board.shots) if shot.style is None]
    named = [named_style(prompts_of(board, number), source) if number in bare else None for number in range(len(board.shots))]
    if named[0] and all(name == named[0] for name in named):
        return replace(film, settings=replace(film.settings, style=named[0])), [named_note(named[0])]
    shots = tuple(replace(shot, style=name) if name else shot for shot, name in zip(board.shots, named, strict=True))
    notes = [named_note(name, f"shot {number}: ") for number, name in enumerate(named, 1) if name]
    return replace(film, storyboard=replace(board, shots=shots)), notes


def found_by_shot(film: Film, source: Source) -> list[Keys[list[Found]]]:
    """Find what each shot wears, by its keys; raises StyleError with the shot's number where it has styles of its own."""
    found = []
    for number, (shot, asked) in enumerate(zip(film.storyboard.shots, styles_of(film), strict=True), 1):
        try:
            found.append(tuple(mapped(key, lambda text: find_styles(text, source)) for key in asked))
        except StyleError as error:
            raise error if shot.style is None else StyleError(f"shot {number}: {error}") from None
    return found


def worded_film(film: Film, source: Source) -> Storyboard:
    """Let every shot say the trigger words of what it wears.

    What all shots say goes into the bible, where a shot that names another look is left alone; the rest is said by the shots themselves.
    Where a shot's styles change over time, so do the words: they are part of its outfits (`unsaid`).
    """
    board = film.storyboard
    called = [triggers(keys[0].value) if len(keys) == 1 else [] for keys in found_by_shot(film, source)]
    everywhere = [trigger for trigger in called[0] if trigger[0].isalnum() and all(trigger in triggers for triggers in called)]
    shots = (_saying(shot, [one for one in own if one not in everywhere]) for shot, own in zip(board.shots, called, strict=True))
    spoken = ", ".join(filter(None, [board.bible.style, *everywhere]))
    return replace(board, bible=replace(board.bible, style=spoken), shots=tuple(shots))


def unsaid(shot: Shot, found: Iterable[Found]) -> tuple[str, ...]:
    """List the trigger words that a shot's prompts do not all say themselves."""
    prompts = (shot.prompt, *(key.value for key in shot.turns))
    return tuple(word for word in triggers(found) if not all(_says(word, prompt) for prompt in prompts))


def _saying(shot: Shot, words: list[str]) -> Shot:
    turns = tuple(mapped(key, lambda prompt: _with(prompt, words)) for key in shot.turns)
    return replace(shot, prompt=_with(shot.prompt, words), turns=turns)


def _with(prompt: str, words: list[str]) -> str:
    return ", ".join([prompt, *(word for word in words if not _says(word, prompt))])


def _says(word: str, prompt: str) -> bool:
    """Tell whether a prompt says a trigger, in any words that mean it; one with signs of its own, such as <cat>, counts to the letter."""
    plain = without_emphasis(word)
    return said(plain, prompt) if plain[0].isalnum() else plain.lower() in prompt.lower()


def shared_name(style: Style, source: Source) -> str:
    """Name a style with no place on a disk: the checkpoint's own as they are called, others with the begin of their digest."""
    own = {one.digest: name for name, one in own_styles(source).items()}
    return own.get(style.digest) or f"{Path(style.name).name}@{style.digest[:8]}"


def shared_names(asked: str | None, source: Source) -> str | None:
    """Write styles that are asked for down with no place on a disk in their names."""
    found = find_styles(asked, source)
    return ", ".join(replace(one.wish, name=shared_name(one.style, source), weight=one.weight).text for one in found) or None


def outside_styles(asked: Iterable[str | None], source: Source) -> dict[str, Style]:
    """List the styles that are not a checkpoint's own, each by its shared name."""
    found = [one.style for text in asked for one in find_styles(text, source)]
    own = {style.digest for style in own_styles(source).values()}
    return {shared_name(style, source): style for style in found if style.digest not in own}


def found_at(asked: str | None, places: Mapping[str, str]) -> str | None:
    """Ask for styles where they lie here: each name that has a place gives way to it."""
    wishes = [parsed(text) for text in _pieces(asked)]
    return asked and ", ".join(replace(wish, name=places.get(wish.name, wish.name)).text for wish in wishes)


def by_key(asked: str | None, change: Callable[[str], str | None]) -> str | None:
    """Change what a shot asks to wear, at every key where it has such."""
    if asked is None or not is_keyed(asked):
        return asked and change(asked)
    return written([mapped(key, lambda text: change(text) or "") for key in parse_texts(asked)])
