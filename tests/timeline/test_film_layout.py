"""A storyboard becomes named frames, never across a cut; edits stay local."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from sakuga.rendering.warp import warp_image
from sakuga.story.keys import Key
from sakuga.story.storyboard import Bible, Camera, Cut, Dissolve, Morph, Shot, Storyboard, StoryboardError
from sakuga.timeline.camera import camera_warp
from sakuga.timeline.film_layout import ExposureSheet, FrameSettings, lay_out_film
from sakuga.timeline.spec import Generated, InBetween, Interpolated, Parallax, Prompt, Reference, dependencies
from sakuga.timeline.transition_timing import TransitionTiming

SETTINGS = FrameSettings(checkpoint="c", width=128, height=128)


def film(*transitions, seconds=1.5, **shot):
    prompts = ("a castle at dawn", "a castle by day", "a castle at night", "a castle in snow")
    shots = [
        Shot(prompt=prompts[index], seconds=seconds, seed=10 + index, camera=Camera(zoom=1.2), transition=transition, **shot)
        for index, transition in enumerate((*transitions, Cut()))
    ]
    return Storyboard(idea="a castle", bible=Bible(subject="castle"), shots=tuple(shots))


def frames(sheet: ExposureSheet) -> list[str]:
    return list(sheet.exposures)


def needed_by(sheet: ExposureSheet, name: str) -> set[str]:
    return {name}.union(*(needed_by(sheet, other) for other in dependencies(sheet.specs[name])))


def test_as_many_frames_as_the_film_is_long():
    assert len(lay_out_film(film(Morph(), Morph(), seconds=1.2), SETTINGS).exposures) == round(3.6 * 12)


def test_a_film_of_as_many_frames_as_a_clip_can_hold_is_laid_out_and_one_more_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sakuga.timeline.film_layout.MAX_FRAMES", 36)
    assert len(lay_out_film(film(Cut(), seconds=1.5), SETTINGS).exposures) == 36
    with pytest.raises(StoryboardError, match="the film has 38 frames, and a clip can hold 36"):
        lay_out_film(film(Cut(), seconds=1.6), SETTINGS)


def test_at_least_four_frames_a_second_are_generated():
    sheet = lay_out_film(film(Morph(), Morph(), seconds=2.0), SETTINGS)
    places = [index for index, name in enumerate(frames(sheet)) if isinstance(sheet.specs[name], Generated)]
    assert max(right - left for left, right in itertools.pairwise(places)) <= 3


def test_every_spec_comes_after_its_dependencies():
    sheet = lay_out_film(film(Morph(), Dissolve(seconds=0.5), Cut()), SETTINGS)
    known: set[str] = set()
    for name, spec in sheet.specs.items():
        assert set(dependencies(spec)) <= known
        known.add(name)
    assert set(frames(sheet)) <= known


def test_nothing_depends_on_frames_before_a_cut():
    sheet = lay_out_film(film(Cut()), SETTINGS)
    half = len(sheet.exposures) // 2
    first = set().union(*(needed_by(sheet, name) for name in frames(sheet)[:half]))
    second = set().union(*(needed_by(sheet, name) for name in frames(sheet)[half:]))
    assert not first & second


def test_a_morph_interpolates_prompt_and_noise_from_the_last_image():
    sheet = lay_out_film(film(Morph(seconds=1.0)), SETTINGS)
    names = frames(sheet)
    morph = [sheet.specs[name] for name in names[18:30] if isinstance(sheet.specs[name], Generated)]
    assert all(spec.init.frame == names[17] for spec in morph)
    assert [spec.conditioning.at for spec in morph if isinstance(spec.conditioning, Interpolated)] == sorted(
        spec.conditioning.at for spec in morph if isinstance(spec.conditioning, Interpolated)
    )


def test_a_dissolve_fades_from_the_last_image():
    sheet = lay_out_film(film(Dissolve(seconds=0.5)), SETTINGS)
    faded = [sheet.specs[name] for name in frames(sheet)[18:24]]
    assert all(isinstance(spec, InBetween) and spec.method == "crossfade" for spec in faded)


def test_a_changed_shot_keeps_all_frames_before_it_and_after_a_cut():
    board = film(Morph(), Cut())
    shots = list(board.shots)
    shots[1] = replace(shots[1], prompt="a castle in fog")
    before, after = lay_out_film(board, SETTINGS), lay_out_film(replace(board, shots=tuple(shots)), SETTINGS)
    assert frames(before)[:18] == frames(after)[:18]
    assert frames(before)[36:] == frames(after)[36:]
    assert not set(frames(before)[18:36]) & set(frames(after)[18:36])


def test_a_hold_repeats_the_last_image():
    names = frames(lay_out_film(film(hold=0.5), SETTINGS))
    assert len(set(names[-7:])) == 1
    assert len(names) == 18


def test_a_higher_rate_changes_only_the_number_of_frames():
    sheet = lay_out_film(film(seconds=2.0), replace(SETTINGS, rate=Fraction(24)))
    assert len(sheet.exposures) == 48


def test_colors_are_matched_within_a_shot_but_not_within_a_morph():
    sheet = lay_out_film(film(Morph(seconds=1.0)), SETTINGS)
    names = frames(sheet)
    morph = [name for name in names[18:29] if isinstance(sheet.specs[name], Generated)]
    assert not set(morph) & set(sheet.color_references)
    assert sheet.color_references[names[35]] == names[29]


def test_on_twos_every_image_stays_for_two_frames():
    sheet = lay_out_film(film(Morph(seconds=1.0), seconds=2.0), replace(SETTINGS, on=2))
    names = frames(sheet)
    assert len(names) == 48
    assert names[0::2] == names[1::2]
    assert len(set(names)) == 24
    generated = [index for index, name in enumerate(names) if isinstance(sheet.specs[name], Generated)]
    assert max(right - left for left, right in itertools.pairwise(generated)) <= 3


def test_a_shot_may_be_on_threes_by_itself():
    board = film(Cut(), seconds=1.0)
    board = replace(board, shots=(board.shots[0], replace(board.shots[1], on=3)))
    names = frames(lay_out_film(board, SETTINGS))
    assert len(set(names[:12])) == 12
    assert [len(set(names[index : index + 3])) for index in range(12, 24, 3)] == [1, 1, 1, 1]
    assert len(set(names[12:])) == 4


def test_each_transition_has_its_own_in_between_method():
    board = film(Morph(seconds=1.0, method="latent"), seconds=2.0)
    sheet = lay_out_film(board, replace(SETTINGS, between="crossfade"))
    methods = [getattr(sheet.specs[name], "method", None) for name in frames(sheet)]
    assert set(methods[:24]) == {None, "crossfade"}
    assert set(methods[24:36]) == {None, "latent"}
    assert set(methods[36:]) == {None, "crossfade"}


def generated_within(sheet: ExposureSheet) -> list[Generated]:
    return [spec for spec in sheet.specs.values() if isinstance(spec, Generated) and spec.init]


def test_in_a_chain_each_frame_starts_from_the_previous_one_and_the_camera_moves_as_far():
    sheet = lay_out_film(film(init_from="previous"), SETTINGS)
    names = [name for name, spec in sheet.specs.items() if isinstance(spec, Generated)]
    within = generated_within(sheet)
    assert [spec.init.frame for spec in within] == names[:-1]
    assert {spec.batch for spec in within} == {1}
    assert [spec.init.color_reference for spec in within] == [None] + names[:1] * (len(within) - 1)
    assert math.prod(spec.init.warp.zoom for spec in within) == pytest.approx(1.2, abs=1e-4)
    anchored = generated_within(lay_out_film(film(), SETTINGS))
    assert {spec.init.frame for spec in anchored} == {names[0]}
    assert anchored[-1].init.warp.zoom == pytest.approx(1.2)


def test_camera_steps_add_up_to_the_full_camera_move():
    camera = Camera(zoom=1.3, pan=(0.2, -0.1), rotate=20.0)
    image = np.random.default_rng(0).integers(0, 256, (48, 96, 3), dtype=np.uint8)
    image = cv2.normalize(cv2.GaussianBlur(image, (0, 0), 6), None, 0, 255, cv2.NORM_MINMAX)
    at_once = warp_image(image, camera_warp(camera, 0.0, 0.8, 2.0))
    half = warp_image(image, camera_warp(camera, 0.0, 0.5, 2.0))
    steps = warp_image(half, camera_warp(camera, 0.5, 0.8, 2.0))
    assert np.abs(at_once.astype(int) - steps)[16:-16, 32:-32].mean() < 4
    assert np.abs(at_once.astype(int) - half)[16:-16, 32:-32].mean() > 12


def test_keyed_numbers_change_over_a_shot():
    keyed = {
        "strength": (Key(frame=0, value=0.3), Key(frame=17, value=0.64)),
        "guidance": (Key(frame=0, value=2.0), Key(frame=17, value=8.8, ease="smooth")),
        "steps": (Key(frame=0, value=10.0), Key(frame=17, value=44.0)),
        "control_weight": (Key(frame=0, value=0.0), Key(frame=9, value=0.9)),
    }
    board = film()
    shot = replace(board.shots[0], **keyed)
    within = generated_within(lay_out_film(replace(board, shots=(shot,)), SETTINGS))
    assert [spec.init.strength for spec in within] == pytest.approx([0.36, 0.42, 0.48, 0.54, 0.6, 0.64])
    assert [spec.steps for spec in within] == [16, 22, 28, 34, 40, 44]
    assert [spec.control.weight for spec in within] == pytest.approx([0.3, 0.6, 0.9, 0.9, 0.9, 0.9])
    assert all(spec.control.frame == spec.init.frame and spec.control.warp == spec.init.warp for spec in within)
    assert within[-1].guidance == 8.8
    assert within[0].guidance - 2 < (within[1].guidance - within[0].guidance)
    assert {spec.batch for spec in within} == {1}


def test_a_prompt_change_interpolates_and_keeps_the_color_correction():
    board = film()
    shot = replace(
        board.shots[0], init_from="previous", turns=(Key(frame=6, value="a castle at dawn"), Key(frame=12, value="a castle at night"))
    )
    sheet = lay_out_film(replace(board, shots=(shot,)), SETTINGS)
    names = [name for name, spec in sheet.specs.items() if isinstance(spec, Generated)]
    shown = [sheet.specs[name].conditioning for name in names]
    dawn, night = Prompt(prompt="a castle at dawn"), Prompt(prompt="a castle at night")
    assert shown == [dawn, dawn, dawn, Interpolated(first=dawn, second=night, at=0.5), night, night, night]
    assert [name in sheet.color_references for name in names] == [False, True, True, False, False, False, False]
    assert {sheet.color_corrections[name] for name in names[3:]} == {names[2]}
    assert [sheet.specs[name].init.color_reference for name in names[1:]] == [None, names[0], None, None, None, None]


def test_a_shot_shorter_than_a_frame_is_refused() -> None:
    board = film()
    shots = (board.shots[0], replace(board.shots[0], seconds=0.01))
    with pytest.raises(StoryboardError, match=r"shot 2 lasts 0\.01 s, less than a frame: give it more seconds"):
        lay_out_film(replace(board, shots=shots), SETTINGS)


def test_a_key_beyond_the_end_is_refused():
    board = film()
    for late, fits in ((19, False), (18, True)):
        shots = (replace(board.shots[0], guidance=(Key(frame=0, value=4.0), Key(frame=late, value=5.0))),)
        if fits:
            lay_out_film(replace(board, shots=shots), SETTINGS)
        else:
            with pytest.raises(StoryboardError, match="shot 1 ends on frame 18, but guidance has a key on frame 19"):
                lay_out_film(replace(board, shots=shots), SETTINGS)


def test_parallax_uses_the_films_depth_source():
    board = film()
    shot = replace(board.shots[0], camera=Camera(pan=(0.2, 0.0), parallax=0.6))
    within = generated_within(lay_out_film(replace(board, shots=(shot,)), replace(SETTINGS, depth="estimator")))
    assert {spec.init.warp.parallax for spec in within} == {Parallax(depth="estimator", share=0.6)}


def test_frames_keep_the_look_of_the_first_keyframe_while_light_and_weather_stay():
    board = film(Morph(), Cut())
    prompts = ("a castle by day", "a castle by day, with birds", "a castle at night")
    board = replace(board, shots=tuple(replace(shot, prompt=prompt) for shot, prompt in zip(board.shots, prompts, strict=True)))
    sheet = lay_out_film(board, replace(SETTINGS, reference_weight=4.0))
    first, *others = (spec for spec in sheet.specs.values() if isinstance(spec, Generated))
    assert first == lay_out_film(board, SETTINGS).specs[sheet.exposures[0]]
    expected = Reference(frame=sheet.exposures[0], prompt=first.conditioning, noise=first.noise, weight=4.0)
    morph = [sheet.specs[name] for name in sheet.transitions[1].generated]
    assert {spec.reference for spec in morph if isinstance(spec, Generated)} == {expected}
    assert {spec.reference for spec in others if spec not in morph} == {None}, "they start from a keyframe, or it is night"


def test_a_timing_moves_only_the_frames_of_its_morph():
    planned = lay_out_film(film(Morph(), Morph()), SETTINGS)
    laid = planned.transitions[1]
    timing = TransitionTiming(generated=(0.5, 1.0), shown=(*(0.5 * at for at in laid.timing.shown[:-1]), 1.0))
    retimed = lay_out_film(film(Morph(), Morph()), SETTINGS, timings={1: timing})
    changed = [place for place, (one, other) in enumerate(zip(frames(planned), frames(retimed), strict=True)) if one != other]
    assert changed
    assert set(changed) <= set(range(18, 18 + len(laid.frames) - 1))
    assert retimed.transitions[1].frames[-1] == laid.frames[-1]
    assert [spec.conditioning.at for spec in map(retimed.specs.get, retimed.transitions[1].generated[:-1])] == [0.5]


def test_a_timing_for_another_length_is_not_followed():
    timing = TransitionTiming(generated=(1.0,), shown=(0.5, 1.0))
    assert lay_out_film(film(Morph()), SETTINGS, timings={1: timing}).exposures == lay_out_film(film(Morph()), SETTINGS).exposures


@pytest.mark.parametrize(
    ("prompt", "own", "strength"), [("a castle, birds", None, 0.7), ("a castle at night", None, 0.85), ("a castle at night", 0.6, 0.6)]
)
def test_a_change_of_light_denoises_more_unless_the_shot_says_how_much(prompt: str, own: float | None, strength: float):
    board = film(Morph())
    first, second = board.shots
    board = replace(board, shots=(replace(first, prompt="a castle"), replace(second, prompt=prompt, strength=own)))
    sheet = lay_out_film(board, SETTINGS)
    assert sheet.specs[sheet.transitions[1].frames[-1]].init.strength == strength


def test_a_morph_takes_over_the_color_correction_of_the_frame_before_and_lets_it_fade():
    sheet = lay_out_film(film(Morph()), replace(SETTINGS, init_from="previous"))
    laid = sheet.transitions[1]
    assert laid.before in sheet.color_references
    shares = [sheet.color_fades[name] for name in laid.generated[:-1]]
    assert shares == [(laid.before, pytest.approx(1 - at, abs=1e-6)) for at in laid.timing.generated[:-1]]
    assert laid.generated[-1] not in sheet.color_fades
