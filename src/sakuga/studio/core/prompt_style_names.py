"""Styles that prompts name themselves: `<lora:ink:0.8>`, `embedding:charm`, and embeddings by their words or, as in A1111, files."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from sakuga.models.families import family_of
from sakuga.models.style_files import Style, StyleError
from sakuga.models.style_folders import folder_styles, style_folders
from sakuga.models.styles import read_styles
from sakuga.story.film import Film
from sakuga.story.keys import Key, map_key
from sakuga.story.prompt_styles import prompt_styles
from sakuga.story.storyboard import Shot
from sakuga.story.style_list import join_styles, split_styles
from sakuga.studio.core.style_lookup import styles_folder
from sakuga.studio.core.styles import StyleFinder


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedStyles:
    """A prompt without tags, and the styles that it names."""

    prompt: str
    styles: tuple[str, ...] = ()


def named_styles(prompt: str, finder: StyleFinder, *, negative: bool = False) -> NamedStyles:
    """Take the styles out of a prompt; raises StyleError for one that does not exist.

    Of a negative prompt's embeddings the weight is 0: their words have an effect there, and none is added to the prompt.
    """
    try:
        found = prompt_styles(prompt)
    except ValueError as error:
        raise StyleError(str(error)) from None
    text, embeddings = found.prompt, {name: finder.style(name) for name in found.embeddings}
    for name, style in embeddings.items():
        text = _with_word(text, name, style)
    given = {_place(style) for style in embeddings.values()}
    for name, style in _folder_embeddings(text, finder).items():
        if _place(style) not in given:
            text, embeddings[name] = text if _says(text, style) else _with_word(text, name, style), style
    embeddings |= {name: style for name, style in _library_embeddings().items() if _says(text, style) and _place(style) not in given}
    ending = ":0" if negative else ""
    return NamedStyles(prompt=text, styles=(*found.loras, *(name + ending for name in embeddings)))


def with_named_styles(style: str | None, named: tuple[str, ...]) -> str | None:
    """Return styles with those that a prompt names; one that is given already keeps its weight."""
    given = split_styles(style or "")
    names = {one.split(":")[0] for one in given}
    added = [one for one in dict.fromkeys(named) if one.split(":")[0] not in names]
    return join_styles([*given, *added]) if added else style


def film_with_named_styles(film: Film, finder: StyleFinder) -> Film:
    """Take the styles out of a film's prompts, into those of its shots; raises StyleError."""
    away = named_styles(film.settings.negative or "", finder, negative=True)
    settings = replace(film.settings, negative=away.prompt) if away.styles else film.settings
    shots = tuple(_shot(shot, film.settings.style, away.styles, finder) for shot in film.storyboard.shots)
    changed = shots != film.storyboard.shots or settings is not film.settings
    return replace(film, settings=settings, storyboard=replace(film.storyboard, shots=shots)) if changed else film


def _shot(shot: Shot, default: str | None, more: tuple[str, ...], finder: StyleFinder) -> Shot:
    own = named_styles(shot.prompt, finder)
    turns = tuple(map_key(key, lambda prompt: named_styles(prompt, finder)) for key in shot.turns)
    named = (*own.styles, *(style for key in turns for style in key.value.styles), *more)
    if not named:
        return shot
    if isinstance(shot.style, tuple):
        raise StyleError(f"the prompt names {named[0]}, but the shot's styles change over time: give it there")
    plain = tuple(Key(frame=key.frame, value=key.value.prompt, ease=key.ease) for key in turns)
    style = with_named_styles(default if shot.style is None else shot.style, named)
    return replace(shot, prompt=own.prompt, turns=plain, style=style)


def _library_embeddings() -> dict[str, Style]:
    return {name: style for name, style in read_styles(styles_folder()).items() if _is_embedding(style)}


def _folder_embeddings(prompt: str, finder: StyleFinder) -> dict[str, Style]:
    """Return the embeddings of registered folders for this family whose names stand in a prompt; no other file is read."""
    others = finder.own.keys() | read_styles(styles_folder()).keys()
    styles = folder_styles(style_folders()).items()
    return {
        name: style for name, style in styles if name not in others and _has(prompt, name) and _is_embedding(style) and _fits(style, finder)
    }


def _fits(style: Style, finder: StyleFinder) -> bool:
    return style.contents.family in (None, family_of(finder.files.info).name)


def _place(style: Style) -> tuple[Path, ...]:
    """Return what two names of one style have in common."""
    return tuple(file.resolve() for file in style.files)


def _is_embedding(style: Style) -> bool:
    return bool(style.contents.learned_words) and not style.contents.layers


def _says(prompt: str, style: Style) -> bool:
    """Return whether a prompt has one of an embedding's words."""
    return any(_has(prompt, word) for word in style.contents.learned_words)


def _has(prompt: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", prompt, re.IGNORECASE) is not None


def _with_word(prompt: str, name: str, style: Style) -> str:
    """Replace an embedding's name by its word."""
    if not style.contents.learned_words:
        raise StyleError(f"'{name}' is no embedding: write <lora:{name}:1>, or give --style {name}")
    word = next(iter(style.contents.learned_words))
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda found: word, prompt, flags=re.IGNORECASE)
