"""A storyboard becomes frames with names: as many as asked, never across a cut, and a change stays where it was made."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from sakuga.rendering.warp import warped
from sakuga.story.keys import Key
from sakuga.story.storyboard import Bible, Camera, Cut, Dissolve, Morph, Shot, Storyboard, StoryboardError
from sakuga.timeline.camera import moved_on
from sakuga.timeline.chain import Direction, Sheet, chain
from sakuga.timeline.spec import Between, Drawn, Mix, Parallax, Text, needs

DIRECTION = Direction(checkpoint="c", width=128, height=128)


def film(*transitions, seconds=1.5, **shot):
    prompts = ("a castle at dawn", "a castle by day", "a castle at night", "a castle in snow")
    shots = [
        Shot(prompt=prompts[index], seconds=seconds, seed=10 + index, camera=Camera(zoom=1.2), transition=transition, **shot)
        for index, transition in enumerate((*transitions, Cut()))
    ]
    return Storyboard(idea="a castle", bible=Bible(subject="castle"), shots=tuple(shots))


def frames(sheet: Sheet) -> list[str]:
    return list(sheet.exposures)


def leaned_on(sheet: Sheet, name: str) -> set[str]:
    return {name}.union(*(leaned_on(sheet, other) for other in needs(sheet.specs[name])))


def test_as_many_frames_as_the_film_is_long():
    assert len(chain(film(Morph(), Morph(), seconds=1.2), DIRECTION).exposures) == round(3.6 * 12)


def test_at_least_four_frames_a_second_are_drawn():
    sheet = chain(film(Morph(), Morph(), seconds=2.0), DIRECTION)
    places = [place for place, name in enumerate(frames(sheet)) if isinstance(sheet.specs[name], Drawn)]
    assert max(right - left for left, right in itertools.pairwise(places)) <= 3


def test_every_spec_stands_after_those_it_leans_on():
    sheet = chain(film(Morph(), Dissolve(seconds=0.5), Cut()), DIRECTION)
    seen: set[str] = set()
    for name, spec in sheet.specs.items():
        assert set(needs(spec)) <= seen
        seen.add(name)
    assert set(frames(sheet)) <= seen


def test_nothing_leans_across_a_cut():
    sheet = chain(film(Cut()), DIRECTION)
    half = len(sheet.exposures) // 2
    first = set().union(*(leaned_on(sheet, name) for name in frames(sheet)[:half]))
    second = set().union(*(leaned_on(sheet, name) for name in frames(sheet)[half:]))
    assert not first & second


def test_a_morph_leads_from_the_last_picture_by_prompt_and_noise():
    sheet = chain(film(Morph(seconds=1.0)), DIRECTION)
    names = frames(sheet)
    led = [sheet.specs[name] for name in names[18:30] if isinstance(sheet.specs[name], Drawn)]
    assert all(spec.start.frame == names[17] for spec in led)
    assert [spec.conditioning.at for spec in led if isinstance(spec.conditioning, Mix)] == sorted(
        spec.conditioning.at for spec in led if isinstance(spec.conditioning, Mix)
    )


def test_a_dissolve_fades_from_the_last_picture():
    sheet = chain(film(Dissolve(seconds=0.5)), DIRECTION)
    faded = [sheet.specs[name] for name in frames(sheet)[18:24]]
    assert all(isinstance(spec, Between) and spec.way == "crossfade" for spec in faded)


def test_a_changed_shot_leaves_everything_before_it_alone_and_everything_behind_a_cut():
    board = film(Morph(), Cut())
    shots = list(board.shots)
    shots[1] = replace(shots[1], prompt="a castle in fog")
    before, after = chain(board, DIRECTION), chain(replace(board, shots=tuple(shots)), DIRECTION)
    assert frames(before)[:18] == frames(after)[:18]
    assert frames(before)[36:] == frames(after)[36:]
    assert not set(frames(before)[18:36]) & set(frames(after)[18:36])


def test_a_hold_repeats_the_last_picture():
    names = frames(chain(film(hold=0.5), DIRECTION))
    assert len(set(names[-7:])) == 1
    assert len(names) == 18


def test_a_longer_rate_changes_the_number_of_frames_only():
    sheet = chain(film(seconds=2.0), replace(DIRECTION, rate=Fraction(24)))
    assert len(sheet.exposures) == 48


def test_colours_are_kept_within_a_shot_but_not_while_it_is_led_over():
    sheet = chain(film(Morph(seconds=1.0)), DIRECTION)
    names = frames(sheet)
    led = [name for name in names[18:29] if isinstance(sheet.specs[name], Drawn)]
    assert not set(led) & set(sheet.keys)
    assert sheet.keys[names[35]] == names[29]


def test_on_twos_every_picture_stands_for_two_frames():
    sheet = chain(film(Morph(seconds=1.0), seconds=2.0), replace(DIRECTION, on=2))
    names = frames(sheet)
    assert len(names) == 48
    assert names[0::2] == names[1::2]
    assert len(set(names)) == 24
    drawn = [place for place, name in enumerate(names) if isinstance(sheet.specs[name], Drawn)]
    assert max(right - left for left, right in itertools.pairwise(drawn)) <= 3


def test_a_shot_may_be_on_threes_by_itself():
    board = film(Cut(), seconds=1.0)
    board = replace(board, shots=(board.shots[0], replace(board.shots[1], on=3)))
    names = frames(chain(board, DIRECTION))
    assert len(set(names[:12])) == 12
    assert [len(set(names[place : place + 3])) for place in range(12, 24, 3)] == [1, 1, 1, 1]
    assert len(set(names[12:])) == 4


def test_each_transition_chooses_how_its_inbetweens_are_made():
    board = film(Morph(seconds=1.0, way="latent"), seconds=2.0)
    sheet = chain(board, replace(DIRECTION, between="crossfade"))
    ways = [getattr(sheet.specs[name], "way", None) for name in frames(sheet)]
    assert set(ways[:24]) == {None, "crossfade"}
    assert set(ways[24:36]) == {None, "latent"}
    assert set(ways[36:]) == {None, "crossfade"}


def drawn_within(sheet: Sheet) -> list[Drawn]:
    return [spec for spec in sheet.specs.values() if isinstance(spec, Drawn) and spec.start]


def test_in_a_chain_each_drawn_frame_starts_from_the_one_before_and_the_camera_goes_as_far():
    sheet = chain(film(follow="chain"), DIRECTION)
    names = [name for name, spec in sheet.specs.items() if isinstance(spec, Drawn)]
    within = drawn_within(sheet)
    assert [spec.start.frame for spec in within] == names[:-1]
    assert {spec.batch for spec in within} == {1}
    assert [spec.start.colours for spec in within] == [None] + names[:1] * (len(within) - 1)
    assert math.prod(spec.start.warp.zoom for spec in within) == pytest.approx(1.2, abs=1e-4)
    anchored = drawn_within(chain(film(), DIRECTION))
    assert {spec.start.frame for spec in anchored} == {names[0]}
    assert anchored[-1].start.warp.zoom == pytest.approx(1.2)


def test_a_camera_in_steps_is_the_camera_in_one():
    camera = Camera(zoom=1.3, pan=(0.2, -0.1), rotate=20.0)
    picture = np.random.default_rng(0).integers(0, 256, (48, 96, 3), dtype=np.uint8)
    picture = cv2.normalize(cv2.GaussianBlur(picture, (0, 0), 6), None, 0, 255, cv2.NORM_MINMAX)
    whole = warped(picture, moved_on(camera, 0.0, 0.8, 2.0))
    half = warped(picture, moved_on(camera, 0.0, 0.5, 2.0))
    steps = warped(half, moved_on(camera, 0.5, 0.8, 2.0))
    assert np.abs(whole.astype(int) - steps)[16:-16, 32:-32].mean() < 4
    assert np.abs(whole.astype(int) - half)[16:-16, 32:-32].mean() > 12


def test_numbers_change_over_a_shot():
    keyed = {
        "strength": (Key(frame=0, value=0.3), Key(frame=17, value=0.64)),
        "guidance": (Key(frame=0, value=2.0), Key(frame=17, value=8.8, ease="smooth")),
        "steps": (Key(frame=0, value=10.0), Key(frame=17, value=44.0)),
        "control": (Key(frame=0, value=0.0), Key(frame=9, value=0.9)),
    }
    board = film()
    shot = replace(board.shots[0], **keyed)
    within = drawn_within(chain(replace(board, shots=(shot,)), DIRECTION))
    assert [spec.start.strength for spec in within] == pytest.approx([0.36, 0.42, 0.48, 0.54, 0.6, 0.64])
    assert [spec.steps for spec in within] == [16, 22, 28, 34, 40, 44]
    assert [spec.control.weight for spec in within] == pytest.approx([0.3, 0.6, 0.9, 0.9, 0.9, 0.9])
    assert all(spec.control.frame == spec.start.frame and spec.control.warp == spec.start.warp for spec in within)
    assert within[-1].guidance == 8.8
    assert within[0].guidance - 2 < (within[1].guidance - within[0].guidance)
    assert {spec.batch for spec in within} == {1}


def test_a_prompt_turns_into_another_and_its_light_survives_the_correction():
    board = film()
    shot = replace(board.shots[0], follow="chain", turns=(Key(frame=6, value="a castle at dawn"), Key(frame=12, value="a castle at night")))
    sheet = chain(replace(board, shots=(shot,)), DIRECTION)
    names = [name for name, spec in sheet.specs.items() if isinstance(spec, Drawn)]
    shown = [sheet.specs[name].conditioning for name in names]
    here, there = Text(prompt="a castle at dawn"), Text(prompt="a castle at night")
    assert shown == [here, here, here, Mix(first=here, second=there, at=0.5), there, there, there]
    assert [name in sheet.keys for name in names] == [False, True, True, False, False, False, False]
    assert {sheet.lights[name] for name in names[3:]} == {names[2]}
    assert [sheet.specs[name].start.colours for name in names[1:]] == [None, names[0], None, None, None, None]


def test_a_key_beyond_the_end_is_refused():
    board = film()
    for late, fits in ((19, False), (18, True)):
        shots = (replace(board.shots[0], guidance=(Key(frame=0, value=4.0), Key(frame=late, value=5.0))),)
        if fits:
            chain(replace(board, shots=shots), DIRECTION)
        else:
            with pytest.raises(StoryboardError, match="shot 1 ends on frame 18: move the key for guidance on frame 19"):
                chain(replace(board, shots=shots), DIRECTION)


def test_parallax_reads_depth_as_the_film_says():
    board = film()
    shot = replace(board.shots[0], camera=Camera(pan=(0.2, 0.0), parallax=0.6))
    within = drawn_within(chain(replace(board, shots=(shot,)), replace(DIRECTION, depth="estimator")))
    assert {spec.start.warp.parallax for spec in within} == {Parallax(depth="estimator", share=0.6)}
