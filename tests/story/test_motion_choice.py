"""A shot moves by `auto` where a motion adapter can follow its keys, and is generated frame by frame where it cannot."""

from dataclasses import replace
from typing import Any

import pytest

from sakuga.story.film import Film
from sakuga.story.keys import Key
from sakuga.story.motion_choice import motion_notes, unread_keys, with_chosen_motion
from sakuga.story.settings import OPTIONS, FilmSettings
from sakuga.story.storyboard import Bible, Camera, Cut, Dissolve, Morph, Shot, Storyboard

PREVIOUS = {"init_from": "previous"}


def film(*shots: dict[str, Any], **settings: Any) -> Film:
    made = [Shot(**{"prompt": "a castle", "seconds": 1.0, "seed": seed, **shot}) for seed, shot in enumerate(shots)]
    return Film(settings=FilmSettings(**settings), storyboard=Storyboard(idea="", bible=Bible(), shots=tuple(made)))


def motions(chosen: Film) -> list[str | None]:
    return [chosen.settings.motion, *(shot.motion for shot in chosen.storyboard.shots)]


UNREAD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    'init_from = "previous"': ({}, PREVIOUS),
    "shot_strength = 0.25": ({}, {"shot_strength": 0.25}),
    "noise_drift = 0.3": ({}, {"noise_drift": 0.3}),
    "keyframe_rate = 12 (above motion_fps, 8)": ({}, {"keyframe_rate": 12}),
    'between = "motion"': ({}, {"between": "motion"}),
    "camera.parallax (what it uncovers is not generated again)": ({"camera": Camera(pan=(0.2, 0.0), parallax=0.8)}, {}),
    "keys of strength": ({"strength": (Key(frame=0, value=0.4), Key(frame=6, value=0.6))}, {}),
    "prompts that AND composes": ({"prompt": "a castle AND a boat"}, {}),
}


@pytest.mark.parametrize("name", UNREAD)
def test_each_key_that_windows_do_not_read_is_named(name: str) -> None:
    shot, settings = UNREAD[name]
    asked = film(shot, **settings)
    assert unread_keys(asked, 0) == (name,)
    assert motions(with_chosen_motion(asked)) == ["none", None]
    (note,) = motion_notes(asked, auto_moves=True)
    assert (note.shot, note.rule) == (0, "motion")
    assert note.message.startswith(f"generated frame by frame, as a motion adapter cannot follow {name}: ")


def test_what_windows_read_moves() -> None:
    keyed = (Key(frame=0, value=3.0), Key(frame=6, value=5.0))
    read = film(
        {"camera": Camera(zoom=1.2, pan=(0.2, 0.0)), "guidance": keyed, "strength": 0.4, "on": 2, "hold": 0.5, "negative": "fog"},
        keyframe_rate=8,
        between="latent",
        reference_weight=0.0,
        sampler="euler a",
    )
    assert with_chosen_motion(read) is read
    assert not motion_notes(read, auto_moves=True)
    assert with_chosen_motion(film({}, keyframe_rate=12, motion_fps=12)).settings.motion is None


def test_a_value_at_its_default_says_nothing() -> None:
    written = film({"init_from": "keyframe"}, **{name: OPTIONS[name].default for name in ("init_from", "shot_strength", "keyframe_rate")})
    assert with_chosen_motion(written) is written
    assert unread_keys(film({"init_from": "keyframe"}, **PREVIOUS), 0) == (), "the shot's own counts"


def test_other_shots_go_on_moving_and_one_that_names_its_motion_keeps_it() -> None:
    asked = film(PREVIOUS, {}, PREVIOUS | {"motion": "auto"})
    assert motions(with_chosen_motion(asked)) == [None, "none", None, "auto"]
    first, third = motion_notes(asked, auto_moves=True)
    assert (first.shot, third.shot) == (0, 2)
    assert third.message == 'its motion adapter cannot follow init_from = "previous": leave that out, or write motion = "none"'


def test_a_named_adapter_moves_all_shots_and_none_moves_nothing() -> None:
    named = film({}, motion="wind", **PREVIOUS)
    assert with_chosen_motion(named) is named
    assert [note.shot for note in motion_notes(named, auto_moves=False)] == [0]
    still = film({}, motion="none", **PREVIOUS)
    assert with_chosen_motion(still) is still
    assert not motion_notes(still, auto_moves=True)


def test_a_checkpoint_without_an_adapter_is_silent() -> None:
    assert not motion_notes(film(PREVIOUS, PREVIOUS | {"motion": "auto"}), auto_moves=False)


def test_a_loop_moves_all_the_same() -> None:
    looped = film({}, loop=True, **PREVIOUS)
    assert with_chosen_motion(looped) is looped
    assert "its motion adapter cannot follow" in motion_notes(looped, auto_moves=True)[0].message


@pytest.mark.parametrize(("transition", "moves"), [(Morph(), False), (Dissolve(), True), (Cut(), True)])
def test_a_window_does_not_begin_with_a_composed_prompt(transition: Morph | Dissolve | Cut, moves: bool) -> None:
    composed = {"prompt": "a castle", "turns": (Key(frame=6, value="a castle AND snow"),), "transition": transition}
    chosen = with_chosen_motion(film(composed, {}, {"transition": Cut()}, {}))
    assert motions(chosen) == [None, "none", None if moves else "none", None, None]


def test_choosing_again_changes_nothing() -> None:
    chosen = with_chosen_motion(film(PREVIOUS, {}))
    assert with_chosen_motion(chosen) == chosen
    assert with_chosen_motion(replace(chosen, settings=replace(chosen.settings, motion="auto"))).storyboard == chosen.storyboard
