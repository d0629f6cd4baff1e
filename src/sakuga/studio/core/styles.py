"""Styles of a request: looked up once, with weights and trigger words."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.style_files import Style, StyleError, check_readable
from sakuga.models.style_metadata import MAX_WEIGHT
from sakuga.models.styles import checkpoint_styles, few_step_adapter
from sakuga.story.emphasis import without_emphasis
from sakuga.story.film import Film
from sakuga.story.keys import Key, Keys, format_keys, is_keyed, map_key, parse_texts
from sakuga.story.storyboard import Shot, Storyboard, full_prompts, is_covered_by
from sakuga.story.style_list import join_styles, split_styles
from sakuga.studio.core.style_lookup import is_style_name, resolve_style
from sakuga.timeline.spec import AppliedStyle

NONE = "none"
"""The style name that applies no style, even if a prompt names one."""
_NUMBER = r"-?(?:\d+\.?\d*|\.\d+)"
WEIGHT = re.compile(_NUMBER)
BLOCK_WEIGHT = re.compile(rf"(text|unet|mid(?:\.\d+)?|(?:down|up)(?:\.\d+){{0,2}})=({_NUMBER})")
"""A part of the networks and its weight, relative to the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleRequest:
    """A style's name, its weight (None: its default) and block weights: "comic:0.8:up=0.5"."""

    name: str
    weight: float | None = None
    block_weights: tuple[tuple[str, float], ...] = ()

    @property
    def text(self) -> str:
        """Return the request as it is written."""
        weight = [] if self.weight is None else [f"{self.weight:g}"]
        return ":".join([self.name, *weight, *(f"{part}={scale:g}" for part, scale in self.block_weights)])


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleUse:
    """A style that was found, and how it was requested."""

    style: Style
    request: StyleRequest

    @property
    def weight(self) -> float:
        """Return the requested weight, or the style's default."""
        return self.style.metadata.weight if self.request.weight is None else self.request.weight

    def applied(self) -> AppliedStyle:
        """Return the style as a frame spec holds it, by its digest."""
        return AppliedStyle(style=self.style.digest, weight=self.weight, block_weights=self.request.block_weights)


class StyleFinder:
    """The styles of one checkpoint.

    Each is looked up and its style.toml read once.
    """

    def __init__(self, files: CheckpointFiles) -> None:
        self.files = files
        self._styles: dict[str, Style] = {}
        self._uses: dict[str, tuple[StyleUse, ...]] = {}

    @cached_property
    def own(self) -> dict[str, Style]:
        """The checkpoint's own styles by name."""
        return checkpoint_styles(self.files)

    @cached_property
    def few_step(self) -> Style | None:
        """The checkpoint's few-step adapter, if it has one."""
        return few_step_adapter(self.files)

    def style(self, name: str) -> Style:
        """Return a style by name, folder, file or hub id; raises StyleError."""
        if name not in self._styles:
            self._styles[name] = self.own.get(name) or resolve_style(name, self.files)
        return self._styles[name]

    def use(self, text: str) -> StyleUse:
        """Return one requested style; raises StyleError."""
        request = parse_style(text)
        name, _, end = request.name.rpartition(":")
        if name and is_style_name(name, self.files):
            raise StyleError(
                f"style {name!r}: {end!r} is not a weight; write {name}:0.8, or {name}:0.8:up=0.5 for a part of the network too"
            )
        use = StyleUse(style=self.style(request.name), request=request)
        check_readable(use.style)
        for number in (use.weight, *(scale for _, scale in request.block_weights)):
            if abs(number) > MAX_WEIGHT:
                raise StyleError(f"style {use.style.name!r}: weight {number:g} is out of range; choose -{MAX_WEIGHT:g} to {MAX_WEIGHT:g}")
        if use.style.contents.learned_words and use.weight < 0:
            raise StyleError(f"style {use.style.name!r} holds an embedding, which has no negative weight; give it a weight above 0")
        return use

    def uses(self, text: str | None) -> tuple[StyleUse, ...]:
        """Return the styles of "comic:0.8, cel".

        Raises StyleError, also for one that is given twice.
        """
        key = text or ""
        if key not in self._uses:
            uses: list[StyleUse] = []
            for piece in _pieces(text):
                use = self.use(piece)
                if any(use.style.digest == other.style.digest for other in uses):
                    raise StyleError(f"style {use.style.name!r} is given twice; give it one weight")
                uses.append(use)
            self._uses[key] = tuple(uses)
        return self._uses[key]

    def applied(self, text: str | None, sampler: str) -> tuple[AppliedStyle, ...]:
        """Return the styles as frame specs hold them.

        The `lcm` sampler adds the few-step adapter.
        """
        quick = self.few_step if sampler == "lcm" else None
        return applied(self.uses(text)) + ((AppliedStyle(style=quick.digest),) if quick else ())

    def named_by(self, prompts: Iterable[str]) -> str | None:
        """Return the one own style that every prompt names, or None.

        A trigger is named in any equivalent words. A model may know the word for a look and still generate it badly without the style.
        """
        prompts = tuple(prompts)
        named = [
            name
            for name, style in self.own.items()
            if style.prompt_trigger and all(_names(style.prompt_trigger, prompt) for prompt in prompts)
        ]
        return named[0] if prompts and len(named) == 1 else None

    @cached_property
    def _own_names(self) -> dict[str, str]:
        return {style.digest: name for name, style in self.own.items()}

    def shared_name(self, style: Style) -> str:
        """Return a style's name without a path.

        It is its own name, or NAME@DIGEST for styles from outside.
        """
        return self._own_names.get(style.digest) or f"{Path(style.name).name}@{style.digest[:8]}"

    def shared_names(self, text: str | None) -> str:
        """Return requested styles as text without paths, each with its weight."""
        return join_styles(replace(use.request, name=self.shared_name(use.style), weight=use.weight).text for use in self.uses(text))

    def outside_styles(self, texts: Iterable[str | None]) -> dict[str, Style]:
        """Return the requested styles that are not the checkpoint's own, by shared name."""
        styles = [use.style for text in texts for use in self.uses(text)]
        return {self.shared_name(style): style for style in styles if style.digest not in self._own_names}


def find_styles(text: str | None, files: CheckpointFiles) -> list[StyleUse]:
    """Look up the styles of "comic:0.8, cel"; raises StyleError."""
    return list(StyleFinder(files).uses(text))


def find_style_use(text: str, files: CheckpointFiles) -> StyleUse:
    """Look up one style with its weight; raises StyleError."""
    return StyleFinder(files).use(text)


def parse_style(text: str) -> StyleRequest:
    """Read NAME, NAME:WEIGHT or NAME:WEIGHT:PART=SCALE...; a name may contain colons.

    >>> parse_style("hub:owner/ink:0.5:up.1=0:text=2")
    StyleRequest(name='hub:owner/ink', weight=0.5, block_weights=(('up.1', 0.0), ('text', 2.0)))
    """
    pieces = text.split(":")
    scales: list[tuple[str, float]] = []
    while len(pieces) > 1 and (scaled := BLOCK_WEIGHT.fullmatch(pieces[-1].strip())):
        scales.insert(0, (scaled[1], float(scaled[2])))
        pieces.pop()
    weight = float(pieces.pop()) if len(pieces) > 1 and WEIGHT.fullmatch(pieces[-1].strip()) else None
    return StyleRequest(name=":".join(pieces).strip(), weight=weight, block_weights=tuple(scales))


def _pieces(text: str | None) -> list[str]:
    return [name for name in split_styles(text or "") if name != NONE]


def parse_prompt_styles(entries: Iterable[str], prompts: int) -> tuple[list[str], tuple[str, ...]]:
    """Read "comic:0.8", for all prompts, and "2=comic:0.8", for the second; raises StyleError.

    Returns the styles of all prompts, and those of each.

    >>> parse_prompt_styles(["cel", "2=comic:0.5", "2=pixel"], 2)
    (['cel'], ('', 'comic:0.5, pixel'))
    """
    numbered = [(re.fullmatch(r"(\d+)=(.+)", text), text) for text in entries]
    own: list[list[str]] = [[] for _ in range(prompts)]
    for found, text in numbered:
        if found and not 1 <= int(found[1]) <= prompts:
            raise StyleError(f"style {text!r} is for prompt {found[1]}, and there are {prompts}; count from 1")
        if found:
            own[int(found[1]) - 1].append(found[2])
    return [text for found, text in numbered if not found], tuple(join_styles(styles) for styles in own)


def named_style_note(name: str, where: str = "") -> str:
    """Return the note for a style that was applied because a prompt names it."""
    return f"{where}{name} is named, so the style {name} is applied; --style {NONE} turns it off"


def applied(uses: Iterable[StyleUse]) -> tuple[AppliedStyle, ...]:
    """Return styles as frame specs hold them."""
    return tuple(use.applied() for use in uses)


def trigger_words(uses: Iterable[StyleUse]) -> list[str]:
    """Return trigger words and prompt suffixes, each once.

    Not those of negative weights. The weight of an embedding is written as emphasis.
    """
    positive = [use for use in uses if use.weight > 0]
    suffixes = (use.style.metadata.suffix for use in positive)
    return list(dict.fromkeys(filter(None, (*map(_trigger, positive), *suffixes))))


def _trigger(use: StyleUse) -> str:
    trigger = use.style.prompt_trigger
    return f"({trigger}:{use.weight:g})" if trigger and use.style.contents.learned_words and use.weight != 1 else trigger


def with_triggers(prompt: str, uses: Iterable[StyleUse]) -> str:
    """Add the trigger words that a prompt does not contain."""
    return _with(prompt, trigger_words(uses))


def styles_of(film: Film) -> tuple[Keys[str], ...]:
    """Return the styles that each shot requests, by its keys.

    Most have one key.
    """
    default = film.settings.style or ""
    requested = (default if shot.style is None else shot.style for shot in film.storyboard.shots)
    return tuple(one if isinstance(one, tuple) else (Key(frame=0, value=one),) for one in requested)


def apply_named_styles(film: Film, styles: StyleFinder) -> tuple[Film, list[str]]:
    """Apply the style that a shot's prompts name, where none is requested.

    Returns notes, too.
    """
    if film.settings.style is not None:
        return film, []
    board = film.storyboard
    named = [None if shot.style is not None else styles.named_by(full_prompts(board, number)) for number, shot in enumerate(board.shots)]
    if named[0] and all(name == named[0] for name in named):
        return replace(film, settings=replace(film.settings, style=named[0])), [named_style_note(named[0])]
    shots = tuple(replace(shot, style=name) if name else shot for shot, name in zip(board.shots, named, strict=True))
    notes = [named_style_note(name, f"shot {number}: ") for number, name in enumerate(named, 1) if name]
    return replace(film, storyboard=replace(board, shots=shots)), notes


def uses_by_shot(film: Film, styles: StyleFinder) -> list[Keys[tuple[StyleUse, ...]]]:
    """Look up each shot's styles, by its keys.

    StyleError names the shot if they are its own.
    """
    found = []
    for number, (shot, keys) in enumerate(zip(film.storyboard.shots, styles_of(film), strict=True), 1):
        try:
            found.append(tuple(map_key(key, styles.uses) for key in keys))
        except StyleError as error:
            raise error if shot.style is None else StyleError(f"shot {number}: {error}") from None
    return found


def storyboard_with_triggers(board: Storyboard, uses: Iterable[Keys[tuple[StyleUse, ...]]]) -> Storyboard:
    """Add trigger words to the prompts of every shot.

    Those of all shots go into the bible, which leaves a shot that names another look alone; the rest go into the shots' own prompts.
    If a shot's styles change over time, so do the words: they are then part of its style weights.
    """
    triggers = [trigger_words(keys[0].value) if len(keys) == 1 else [] for keys in uses]
    everywhere = [word for word in triggers[0] if word[0].isalnum() and all(word in words for words in triggers)]
    shots = (_with_words(shot, [one for one in own if one not in everywhere]) for shot, own in zip(board.shots, triggers, strict=True))
    style = ", ".join(filter(None, [board.bible.style, *everywhere]))
    return replace(board, bible=replace(board.bible, style=style), shots=tuple(shots))


def missing_triggers(shot: Shot, uses: Iterable[StyleUse]) -> tuple[str, ...]:
    """Return the trigger words that some prompt of a shot lacks."""
    prompts = (shot.prompt, *(key.value for key in shot.turns))
    return tuple(word for word in trigger_words(uses) if not all(_names(word, prompt) for prompt in prompts))


def _with_words(shot: Shot, words: list[str]) -> Shot:
    turns = tuple(map_key(key, lambda prompt: _with(prompt, words)) for key in shot.turns)
    return replace(shot, prompt=_with(shot.prompt, words), turns=turns)


def _with(prompt: str, words: list[str]) -> str:
    return ", ".join([prompt, *(word for word in words if not _names(word, prompt))])


def _names(word: str, prompt: str) -> bool:
    """Check whether a prompt contains a trigger, in any equivalent words.

    One such as <cat> counts to the letter.
    """
    plain = without_emphasis(word)
    return is_covered_by(plain, prompt) if plain[0].isalnum() else plain.lower() in prompt.lower()


def relocated(text: str | None, places: Mapping[str, str]) -> str | None:
    """Replace style names by the places where the styles lie here."""
    requests = [parse_style(piece) for piece in _pieces(text)]
    return text and join_styles(replace(request, name=places.get(request.name, request.name)).text for request in requests)


def map_styles(text: str | None, change: Callable[[str], str | None]) -> str | None:
    """Change a shot's styles, at every key if they are keyed."""
    if text is None or not is_keyed(text):
        return text and change(text)
    return format_keys([map_key(key, lambda value: change(value) or "") for key in parse_texts(text)])
