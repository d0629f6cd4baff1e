"""Which shots a motion adapter moves: those whose keys it can follow."""

from dataclasses import astuple, replace
from fractions import Fraction
from typing import Any

from sakuga.story.film import Film
from sakuga.story.lint import LintNote
from sakuga.story.prompt_grammar import prompt_parts
from sakuga.story.settings import AUTO, NO_MOTION, OPTIONS, FilmSettings
from sakuga.story.storyboard import Morph, Shot
from sakuga.text import listed

FRAME_BY_FRAME = ("init_from", "shot_strength", "noise_drift")
"""Settings of frames that are generated one by one, which a motion window does not read."""


def unread_keys(film: Film, index: int) -> tuple[str, ...]:
    """Name what a shot asks for that frames of a motion window cannot follow, such as `init_from = "previous"`.

    Only values other than the default count. A `keyframe_rate` is a least one, which the adapter's rate may fulfil.
    """
    shot, settings = film.storyboard.shots[index], film.settings
    given = {name: _value(settings, name) for name in FRAME_BY_FRAME} | ({"init_from": shot.init_from} if shot.init_from else {})
    found = [f"{name} = {_quoted(value)}" for name, value in given.items() if value != OPTIONS[name].default]
    rate, fps = _value(settings, "keyframe_rate"), Fraction(_value(settings, "motion_fps"))
    if rate > fps:
        found.append(f"keyframe_rate = {rate} (above motion_fps, {float(fps):g})")
    if settings.between == "motion":
        found.append('between = "motion"')
    if shot.camera.parallax:
        found.append("camera.parallax (what it uncovers is not generated again)")
    if isinstance(shot.strength, tuple):
        found.append("keys of strength")
    board, prompts = film.storyboard, [shot.prompt, *(key.value for key in shot.turns)]
    if any(map(_is_composed, (*prompts, *astuple(board.bible)))):
        found.append("prompts that AND composes")
    elif index and _ends_composed(board.shots[index - 1]):
        found.append("prompts that AND composes, as the shot before it ends with")
    return tuple(found)


def with_chosen_motion(film: Film) -> Film:
    """Say `none` in each shot whose keys `auto` would leave unread.

    Shots that name their motion keep it. A loop needs motion, and moves all the same. Where no shot is left that moves, the film says it.
    """
    board = film.storyboard
    still = [_falls_back(film, index) for index in range(len(board.shots))]
    if not any(still):
        return film
    if all(left or shot.motion == NO_MOTION for left, shot in zip(still, board.shots, strict=True)):
        return replace(film, settings=replace(film.settings, motion=NO_MOTION))
    shots = tuple(replace(shot, motion=NO_MOTION) if left else shot for left, shot in zip(still, board.shots, strict=True))
    return replace(film, storyboard=replace(board, shots=shots))


def motion_notes(film: Film, *, auto_moves: bool) -> list[LintNote]:
    """Tell of each shot whose motion adapter cannot follow all its keys, or is left out for them.

    `auto_moves` is whether the checkpoint has an adapter of its own.
    """
    notes = list[LintNote]()
    still = (NO_MOTION,) if auto_moves else (NO_MOTION, AUTO)
    for index, shot in enumerate(film.storyboard.shots):
        unread = unread_keys(film, index)
        if not unread or (shot.motion or film.settings.motion or AUTO) in still:
            continue
        if _falls_back(film, index):
            why = f"generated frame by frame, as a motion adapter cannot follow {listed(unread)}"
            remedy = 'leave that out to let it move, or write motion = "none"'
        else:
            why, remedy = f"its motion adapter cannot follow {listed(unread)}", 'leave that out, or write motion = "none"'
        notes.append(LintNote(shot=index, rule="motion", message=f"{why}: {remedy}"))
    return notes


def _falls_back(film: Film, index: int) -> bool:
    """Return whether a shot of a film that moves by `auto` is generated without an adapter."""
    auto = not film.storyboard.shots[index].motion and (film.settings.motion or AUTO) == AUTO
    return auto and not film.settings.loop and bool(unread_keys(film, index))


def _ends_composed(shot: Shot) -> bool:
    """Return whether a shot morphs into the next from a prompt that AND composes, with which the next one's first window then begins."""
    return isinstance(shot.transition, Morph) and _is_composed(shot.turns[-1].value if shot.turns else shot.prompt)


def _is_composed(prompt: str) -> bool:
    return len(prompt_parts(prompt)) > 1


def _value(settings: FilmSettings, name: str) -> Any:
    value = getattr(settings, name)
    return OPTIONS[name].default if value is None else value


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"
