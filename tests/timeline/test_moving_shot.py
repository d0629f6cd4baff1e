"""Shots with a motion adapter: windows cover a shot, morphs go between two ends, and edits stay local."""

import itertools
from dataclasses import replace
from fractions import Fraction

import pytest

from sakuga.story.keys import Key
from sakuga.story.storyboard import Bible, Camera, Cut, Dissolve, Morph, Shot, Storyboard
from sakuga.timeline.camera import blend_warps, framed_warp
from sakuga.timeline.film_layout import ExposureSheet, FrameSettings, lay_out_film
from sakuga.timeline.motion import CARRIED, LONGEST, SHORTEST, MotionSettings, Track
from sakuga.timeline.motion_keys import conditioning_at
from sakuga.timeline.spec import (
    AppliedMotion,
    AppliedStyle,
    CameraFrame,
    Generated,
    InBetween,
    Interpolated,
    MotionFrame,
    MotionKey,
    MotionWindow,
    Prompt,
    Warp,
    dependencies,
)
from sakuga.timeline.style_weights import StyleWeights
from sakuga.timeline.transition_timing import TransitionTiming

SETTINGS = FrameSettings(checkpoint="c", width=128, height=128)
MOVING = MotionSettings(motion=AppliedMotion(adapter="a"))


def film(*transitions, seconds=2.0, **shot):
    prompts = ("a castle at dawn", "a castle by day", "a castle at night")
    shots = [
        Shot(prompt=prompts[index], seconds=seconds, seed=10 + index, transition=transition, **shot)
        for index, transition in enumerate((*transitions, Cut()))
    ]
    return Storyboard(idea="a castle", bible=Bible(), shots=tuple(shots))


def lay_out(board: Storyboard, settings: FrameSettings = SETTINGS, motion: MotionSettings | None = MOVING, **others) -> ExposureSheet:
    return lay_out_film(board, settings, motions=[motion] * len(board.shots), **others)


def windows(sheet: ExposureSheet) -> list[MotionWindow]:
    return list(dict.fromkeys(spec.window for spec in sheet.specs.values() if isinstance(spec, MotionFrame)))


def test_a_shot_is_one_window_at_the_adapters_rate_and_frames_lie_between():
    sheet = lay_out(film())
    (window,) = windows(sheet)
    assert window.frames == 16  # 23 frames after the first at 12 a second are 15.3 at 8
    shown = [sheet.specs[name] for name in sheet.exposures]
    assert len(shown) == 24
    assert [isinstance(spec, MotionFrame) for spec in shown[:7]] == [True, False, False, True, False, False, True]
    assert [spec.at for spec in shown[:3] if isinstance(spec, InBetween)] == [
        pytest.approx(2 / 3, abs=1e-6),
        pytest.approx(1 / 3, abs=1e-6),
    ]


def test_a_shot_may_go_on_from_its_keyframe():
    moving = replace(MOVING, keyframe_strength=0.0)
    for board, settings in ((film(), SETTINGS), (film(), replace(SETTINGS, loop=True)), (film(Cut()), SETTINGS)):
        sheet = lay_out(board, settings, moving)
        keyframes = [name for name, spec in sheet.specs.items() if isinstance(spec, Generated)]
        assert list(sheet.exposures[:: len(sheet.exposures) // len(board.shots)]) == keyframes
        assert [(window.given[0].index, window.given[0].frame) for window in windows(sheet)] == [(0, name) for name in keyframes]


def test_a_keyframe_with_a_strength_is_given_and_generated_again():
    moving = replace(MOVING, keyframe_strength=0.5)
    for board, settings in ((film(), SETTINGS), (film(), replace(SETTINGS, loop=True)), (film(seconds=12.0), SETTINGS)):
        sheet = lay_out(board, settings, moving)
        window = windows(sheet)[0]
        assert sheet.specs[sheet.exposures[0]] == MotionFrame(window=window, index=0)
        assert [(one.index, one.strength) for one in window.given] == [(0, 0.5)]
        assert isinstance(sheet.specs[window.given[0].frame], Generated)


def test_after_a_morph_a_shot_begins_with_the_last_image_before_it_and_after_a_cut_with_its_prompt():
    moving = replace(MOVING, keyframe_strength=0.2)
    sheet = lay_out(film(Morph(seconds=0.5), Cut()), motion=moving)
    first, morphed, cut = [spec for spec in sheet.specs.values() if isinstance(spec, Generated)]
    assert morphed.init
    assert morphed.init.frame in sheet.exposures[:24]
    assert morphed.init.strength == (1 + SETTINGS.strength) / 2  # the light changes
    assert not first.init
    assert not cut.init


def test_control_takes_its_depth_from_the_image_that_a_shot_begins_with():
    sheet = lay_out(film(Morph(seconds=0.5), control_weight=0.5), motion=replace(MOVING, keyframe_strength=0.2))
    controlled = [window for window in windows(sheet) if window.control]
    assert len(controlled) == 2
    assert all(window.control.frame == window.given[0].frame for window in controlled)


def test_in_a_hold_the_camera_rests_and_what_moves_goes_on():
    sheet = lay_out(film(camera=Camera(zoom=1.2), hold=0.5))
    held = [sheet.specs[name] for name in sheet.exposures[-7:]]
    assert len({spec.frame for spec in held if isinstance(spec, CameraFrame)}) == 7
    assert {spec.warp for spec in held if isinstance(spec, CameraFrame)} == {Warp(zoom=1.2)}


def test_at_the_adapters_rate_every_frame_is_the_models_own():
    sheet = lay_out(film(), replace(SETTINGS, rate=Fraction(8)))
    assert all(isinstance(sheet.specs[name], MotionFrame) for name in sheet.exposures)


def test_a_long_shot_goes_on_from_the_last_frames_of_the_window_before():
    first, second = windows(lay_out(film(seconds=12.0)))
    assert first.frames == LONGEST
    assert [one.index for one in second.given] == list(range(CARRIED))
    sheet = lay_out(film(seconds=12.0))
    given = [sheet.specs[one.frame] for one in second.given]
    assert given == [MotionFrame(window=first, index=index) for index in range(LONGEST - CARRIED, LONGEST)]
    assert second.seed != first.seed


def test_windows_that_go_on_from_given_frames_as_in_training_have_one_context():
    trained = replace(MOVING, keyframe_strength=0.2)
    first, second, _ = windows(lay_out(film(seconds=5.0), motion=trained))
    assert first.frames == second.frames == MOVING.motion.context
    assert [one.index for one in second.given] == list(range(CARRIED))
    small = replace(trained, motion=replace(MOVING.motion, context=2))
    assert max(window.frames for window in windows(lay_out(film(seconds=5.0), motion=small))) == CARRIED + SHORTEST


def test_frames_that_a_window_draws_along_cross_fade_into_it():
    sheet = lay_out(film(seconds=4.0), replace(SETTINGS, rate=Fraction(8)), replace(MOVING, keyframe_strength=0.2))
    first, second, _ = windows(sheet)
    assert [one.strength for one in second.given] == [0.2] * CARRIED
    fades = [spec for spec in map(sheet.specs.__getitem__, sheet.exposures) if isinstance(spec, InBetween)][:CARRIED]
    assert [(fade.at, fade.method) for fade in fades] == [(0.2, "crossfade"), (0.4, "crossfade"), (0.6, "crossfade"), (0.8, "crossfade")]
    ends = [(sheet.specs[fade.first], sheet.specs[fade.second]) for fade in fades]
    assert ends == [(MotionFrame(window=first, index=12 + index), MotionFrame(window=second, index=index)) for index in range(CARRIED)]


def test_no_window_grows_with_the_film():
    assert max(window.frames for window in windows(lay_out(film(seconds=60.0)))) == LONGEST


def test_a_short_shot_still_has_a_window_that_an_adapter_draws_well():
    assert [window.frames for window in windows(lay_out(film(seconds=0.3)))] == [SHORTEST]


def test_a_morph_is_a_window_given_both_its_ends_whose_prompts_travel():
    sheet = lay_out(film(Morph(seconds=1.0)))
    first, second, bridge = windows(sheet)
    assert [one.index for one in bridge.given] == [0, 1, bridge.frames - 2, bridge.frames - 1]
    left, right = bridge.given[1].frame, bridge.given[-2].frame
    assert left == sheet.exposures[23]
    assert right == sheet.exposures[35]
    assert sheet.specs[right] == MotionFrame(window=second, index=0)
    assert [key.frame for key in bridge.keys] == [1.0, bridge.frames - 2.0]
    assert [key.conditioning for key in bridge.keys] == [first.keys[0].conditioning, second.keys[0].conditioning]
    assert bridge.strength == SETTINGS.strength


def test_a_cut_shares_nothing():
    first, second = windows(lay_out(film(Cut())))
    assert not first.given
    assert not second.given


def test_a_dissolve_fades_over_the_shots_own_window():
    sheet = lay_out(film(Dissolve(seconds=0.5)))
    faded = [sheet.specs[name] for name in sheet.exposures[24:30]]
    assert all(isinstance(spec, InBetween) and spec.method == "crossfade" for spec in faded)


def test_a_changed_shot_renders_its_own_windows_and_the_morphs_at_its_ends_again():
    board = film(Morph(), Morph())
    shots = list(board.shots)
    shots[2] = replace(shots[2], prompt="a castle in snow")
    before, after = set(windows(lay_out(board))), set(windows(lay_out(replace(board, shots=tuple(shots)))))
    assert len(before - after) == 2
    shots[1] = replace(shots[1], seconds=3.0)
    longer = set(windows(lay_out(replace(board, shots=tuple(shots)))))
    assert {window.seed for window in before & longer} == {10}, "the windows of shot 2 and the morphs at its ends are others"


def test_every_spec_comes_after_its_dependencies():
    sheet = lay_out(film(Morph(), Dissolve(), camera=Camera(zoom=1.2), hold=0.5))
    known: set[str] = set()
    for name, spec in sheet.specs.items():
        assert set(dependencies(spec)) <= known
        known.add(name)
    assert set(sheet.exposures) <= known


def test_prompts_travel_within_a_window():
    turns = (Key(frame=12, value="a castle at noon"),)
    (window,) = windows(lay_out(film(turns=turns)))
    assert [key.frame for key in window.keys] == [0.0, 8.0]
    assert conditioning_at(window.keys, 0) == Prompt(prompt="a castle at dawn")
    assert conditioning_at(window.keys, 4) == Interpolated(
        first=Prompt(prompt="a castle at dawn"), second=Prompt(prompt="a castle at noon"), at=0.5
    )
    assert conditioning_at(window.keys, 15) == Prompt(prompt="a castle at noon")


def test_prompts_go_on_travelling_in_the_next_window_of_a_shot():
    turns = (Key(frame=144, value="a castle at noon"),)
    first, second = windows(lay_out(film(seconds=12.0, turns=turns)))
    shared = zip(range(LONGEST - CARRIED, LONGEST), range(CARRIED), strict=True)
    assert all(conditioning_at(first.keys, here) == conditioning_at(second.keys, there) for here, there in shared)


def test_the_ease_of_a_key_bends_the_way():
    keys = (MotionKey(frame=0, conditioning=Prompt(prompt="a")), MotionKey(frame=4, conditioning=Prompt(prompt="b"), ease="in"))
    middle = conditioning_at(keys, 2)
    assert isinstance(middle, Interpolated)
    assert middle.at == 0.25


def test_changing_styles_and_numbers_divide_a_shot_into_windows_of_a_second():
    styles = [(Key(frame=0, value=StyleWeights(styles=(AppliedStyle(style="s", weight=0.0),))),
               Key(frame=24, value=StyleWeights(styles=(AppliedStyle(style="s", weight=1.0),))))]  # fmt: skip
    board = film(guidance=(Key(frame=0, value=2.0), Key(frame=24, value=6.0)))
    first, second = windows(lay_out(board, styles=styles))
    assert first.frames == CARRIED + 8
    assert [window.styles[0].weight for window in (first, second)] == [0.0, 0.75]
    assert [window.guidance for window in (first, second)] == [2.0, 5.0]


def test_shots_with_and_without_an_adapter_share_a_film():
    board = film(Morph(), Morph())
    sheet = lay_out_film(board, SETTINGS, motions=[None, MOVING, None])
    kinds = {type(sheet.specs[name]) for name in sheet.exposures}
    assert kinds == {Generated, InBetween, MotionFrame}


def test_in_betweens_of_stills_are_windows_given_both_keyframes():
    board = film()
    ended = replace(MOVING, motion=replace(MOVING.motion, denoising_end=0.7))
    sheet = lay_out_film(board, replace(SETTINGS, keyframe_rate=1, between_motion=ended), motions=[None])
    assert windows(sheet)[0].motion.denoising_end == 1.0
    shown = [sheet.specs[name] for name in sheet.exposures]
    stills = [place for place, spec in enumerate(shown) if isinstance(spec, Generated)]
    assert stills == [0, 12, 23]
    assert [one.index for one in windows(sheet)[0].given] == [0, windows(sheet)[0].frames - 1]
    assert [one.frame for one in windows(sheet)[0].given] == [sheet.exposures[0], sheet.exposures[12]]
    assert isinstance(shown[3], MotionFrame)
    assert not any(isinstance(spec, Generated) for spec in (*shown[1:12], *shown[13:23]))


def test_twos_hold_each_image_for_two_frames():
    names = lay_out(film(), replace(SETTINGS, on=2)).exposures
    assert all(left == right for left, right in zip(names[::2], names[1::2], strict=True))


def test_control_takes_its_depth_from_the_shots_keyframe():
    (window,) = windows(sheet := lay_out(film(), replace(SETTINGS, control_weight=0.8)))
    assert window.control
    assert isinstance(sheet.specs[window.control.frame], Generated)


def test_the_camera_moves_over_finished_frames_and_on_through_a_morph():
    sheet = lay_out(film(Morph(seconds=1.0), camera=Camera(zoom=1.2)))
    zooms = [spec.warp.zoom if isinstance(spec := sheet.specs[name], CameraFrame) else 1.0 for name in sheet.exposures]
    assert zooms[0] == 1.0
    assert zooms[23] == pytest.approx(1.2)
    assert zooms[47] == pytest.approx(1.2)
    assert max(abs(after - before) for before, after in itertools.pairwise(zooms)) < 0.03, "it comes back over the morph without a jump"


def test_the_camera_does_not_jump_where_a_morph_leaves_a_shot_a_single_frame():
    pans = tuple(Camera(pan=(0.07 * sign, 0.0)) for sign in (1, -1, 1))
    board = film(Morph(seconds=1.9), Morph(seconds=1.9))
    shots = tuple(replace(shot, camera=camera) for shot, camera in zip(board.shots, pans, strict=True))
    sheet = lay_out(replace(board, shots=shots))
    warps = [spec.warp if isinstance(spec := sheet.specs[name], CameraFrame) else Warp() for name in sheet.exposures]
    assert max(abs(after.pan[0] - before.pan[0]) for before, after in itertools.pairwise(warps)) < 0.02


def test_the_generated_frames_of_a_morph_can_be_shown_at_other_times():
    board = film(Morph(seconds=1.0))
    plain = lay_out(board).transitions[1]
    late = TransitionTiming(generated=plain.timing.generated, shown=tuple(round(at**3, 6) for at in plain.timing.shown))
    sheet = lay_out(board, timings={1: late})
    moved = sheet.transitions[1]
    assert moved.generated == plain.generated
    assert moved.timing.shown == late.shown
    assert moved.frames[-1] == plain.frames[-1] == sheet.exposures[24 + len(moved.frames) - 1]
    first = sheet.specs[moved.frames[0]]
    assert isinstance(first, InBetween)
    assert (first.first, first.second) == (moved.before, moved.generated[0])


@pytest.mark.parametrize("camera", [Camera(pan=(0.1, -0.05)), Camera(zoom=0.8), Camera(zoom=1.2, pan=(0.3, 0.0)), Camera(rotate=10)])
@pytest.mark.parametrize("progress", [0.0, 0.3, 0.5, 1.0])
def test_the_camera_never_shows_the_edge(camera, progress):
    import cv2
    import numpy as np

    from sakuga.rendering.warp import warp_image

    inside = np.full((200, 200, 3), 200, np.uint8)
    framed = cv2.copyMakeBorder(inside[3:-3, 3:-3], 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    warp = framed_warp(camera, progress, 1.0)
    shown = warp_image(framed, replace(warp, zoom=warp.zoom * 1.05))
    assert shown.min() > 150


def test_a_camera_at_rest_changes_nothing():
    assert framed_warp(Camera(), 0.5, 1.0) == Warp()
    assert blend_warps(Warp(), Warp(zoom=4.0), 0.5).zoom == 2.0


def test_a_track_interpolates_between_known_frames():
    track = Track(((Fraction(0), "a"), (Fraction(3, 2), "b")))
    added = []
    assert track.at(Fraction(0), added.append) == "a"
    track.at(Fraction(1), added.append)
    assert added == [InBetween(first="a", second="b", at=0.666667)]
    assert track.at(Fraction(9), added.append) == "b"
