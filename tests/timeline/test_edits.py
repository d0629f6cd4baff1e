"""Edits change the frames that they name, their in-betweens, and nothing else."""

from dataclasses import replace
from fractions import Fraction

import pytest

from sakuga.story.storyboard import Bible, Camera, Dissolve, Shot, Storyboard
from sakuga.story.storyboard import Cut as CutTo
from sakuga.timeline.edits import STRENGTH, Cut, EditError, Expose, Hold, Redo, Speed, edit_sheet, edited_frames, redone_spec, speed_of
from sakuga.timeline.film_layout import ExposureSheet, FrameSettings, lay_out_film
from sakuga.timeline.spec import (
    AppliedControl,
    AppliedMotion,
    ControlImage,
    Generated,
    Given,
    InBetween,
    InitImage,
    Interpolated,
    MotionFrame,
    MotionKey,
    MotionWindow,
    Prompt,
    Reference,
    SamplingOptions,
    SeedNoise,
    dependencies,
    digest,
)
from sakuga.timeline.variations import GuidanceTexts, VariationChain, vary

SETTINGS = FrameSettings(checkpoint="c", width=128, height=128, keyframe_rate=3)


def film(transition: object = CutTo()) -> ExposureSheet:
    """Two shots of 12 frames; every fourth and the last are generated."""
    shots = tuple(
        Shot(prompt=prompt, seconds=1.0, seed=seed, camera=Camera(zoom=1.2), transition=transition) for seed, prompt in enumerate("ab", 1)
    )
    return lay_out_film(Storyboard(idea="", bible=Bible(), shots=shots), SETTINGS)


def changed(before: ExposureSheet, after: ExposureSheet) -> list[int]:
    """Return the frames that differ, counted from 1."""
    return [place for place, (one, other) in enumerate(zip(before.exposures, after.exposures, strict=True), 1) if one != other]


def generated(sheet: ExposureSheet) -> list[int]:
    return [place for place, name in enumerate(sheet.exposures, 1) if isinstance(sheet.specs[name], Generated)]


def test_the_layout_is_what_these_tests_take_it_for() -> None:
    assert generated(film()) == [1, 5, 9, 12, 13, 17, 21, 24]


def test_a_redone_frame_changes_itself_and_the_in_betweens_beside_it() -> None:
    before = film()
    after = edit_sheet(before, [Redo(frame=17, seed=99)])
    assert changed(before, after) == [14, 15, 16, 17, 18, 19, 20]
    old, new = (sheet.specs[sheet.exposures[16]] for sheet in (before, after))
    assert new == replace(old, noise=SeedNoise(seed=99), batch=1)
    beside = after.specs[after.exposures[15]]
    assert isinstance(beside, InBetween)
    assert (beside.first, beside.second) == (after.exposures[12], after.exposures[16])


def test_a_redone_keyframe_leaves_the_frames_generated_from_it() -> None:
    before = film()
    after = edit_sheet(before, [Redo(frame=13, seed=99)])
    assert changed(before, after) == [13, 14, 15, 16]
    for place in (17, 21, 24):
        assert after.specs[after.exposures[place - 1]].init.frame == before.exposures[12]
    assert before.exposures[12] in after.specs


def test_a_redone_in_between_becomes_a_keyframe() -> None:
    before = film()
    after = edit_sheet(before, [Redo(frame=15, seed=99)])
    assert changed(before, after) == [14, 15, 16]
    new = after.specs[after.exposures[14]]
    assert isinstance(new, Generated)
    assert (new.init, new.noise) == (InitImage(frame=before.exposures[14], strength=STRENGTH), SeedNoise(seed=99))
    left, right = (after.specs[after.exposures[place]] for place in (13, 15))
    assert left == InBetween(first=after.exposures[12], second=after.exposures[14], at=0.5)
    assert right == InBetween(first=after.exposures[14], second=after.exposures[16], at=0.5)


def test_strength_and_prompt_can_be_others() -> None:
    before = film()
    after = edit_sheet(before, [Redo(frame=13, seed=99, strength=0.3, prompt="a hill")], lambda prompt: Prompt(prompt=f"{prompt}, comic"))
    new = after.specs[after.exposures[12]]
    assert new.conditioning == Prompt(prompt="a hill, comic")
    assert new.init == InitImage(frame=before.exposures[12], strength=0.3)
    assert digest(new) not in after.color_references


def test_a_redone_frame_keeps_the_colors_of_its_shot() -> None:
    before = film()
    after = edit_sheet(before, [Redo(frame=17, seed=99), Redo(frame=14, seed=98)])
    assert after.color_references[after.exposures[16]] == before.exposures[12]
    assert after.color_references[after.exposures[13]] == before.exposures[12]


def test_of_a_range_the_generated_frames_are_redone() -> None:
    before = film()
    edit = Redo(frame=14, last=22, seed=99)
    assert edited_frames(before, edit) == (before.exposures[16], before.exposures[20])
    after = edit_sheet(before, [edit])
    assert changed(before, after) == list(range(14, 24))
    assert edited_frames(before, Redo(frame=14, last=15, seed=1)) == before.exposures[13:15]


def test_a_redone_frame_is_changed_in_a_dissolve_too() -> None:
    before = film(Dissolve(seconds=0.5))
    after = edit_sheet(before, [Redo(frame=12, seed=99)])
    assert changed(before, after) == [10, 11, *range(12, 19)]
    after = edit_sheet(before, [Redo(frame=21, seed=99)])
    assert changed(before, after) == [18, 19, 20, 21, 22, 23]


def test_the_same_image_elsewhere_stays() -> None:
    sheet = film()
    twice = replace(sheet, exposures=sheet.exposures + sheet.exposures)
    assert changed(twice, edit_sheet(twice, [Redo(frame=17, seed=99)])) == [14, 15, 16, 17, 18, 19, 20]


def test_variants_of_a_chain_stay_when_one_before_is_redone() -> None:
    chain = VariationChain(texts=GuidanceTexts(good=("crisp",), bad=()), variants=3, between=4)
    before = vary(Given(image="p"), chain, SETTINGS)
    after = edit_sheet(before, [Redo(frame=4, seed=99)])
    assert changed(before, after) == [4]
    flow = vary(Given(image="p"), replace(chain, mode="flow"), SETTINGS)
    assert changed(flow, edit_sheet(flow, [Redo(frame=4, seed=99)])) == [1, 2, 3, 4, 5, 6, 7]


def test_every_spec_stands_after_what_it_needs() -> None:
    sheet = edit_sheet(film(Dissolve(seconds=0.5)), [Redo(frame=14, seed=1), Redo(frame=13, seed=2), Redo(frame=15, last=23, seed=3)])
    known: set[str] = set()
    for name, spec in sheet.specs.items():
        assert known.issuperset(dependencies(spec))
        assert digest(spec) == name
        known.add(name)


def test_frames_are_held_cut_and_put_on_twos_as_the_clip_shows_them_then() -> None:
    sheet = film()
    held = edit_sheet(sheet, [Hold(frame=2, frames=3), Cut(frame=1), Redo(frame=1, seed=5)])
    assert len(held.exposures) == 26
    assert len(set(held.exposures[:4])) == 1
    assert held.exposures[4] != sheet.exposures[2]  # lies between the redone frame and the next
    assert held.exposures[7:] == sheet.exposures[5:]
    twos = edit_sheet(sheet, [Expose(frames=2)])
    assert twos.exposures[0::2] == twos.exposures[1::2] == sheet.exposures[0::2]


def test_speed_is_exact() -> None:
    assert speed_of([Speed(factor=1.5), Hold(frame=1, frames=1), Speed(factor=0.1)]) == Fraction(3, 20)
    assert edit_sheet(film(), [Speed(factor=2)]) == film()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Redo(frame=25, seed=0), "the clip has frames 1 to 24, and no frame 25"),
        (Redo(frame=5, last=4, seed=0), "no frames 5 to 4"),
        (Hold(frame=30, frames=1), "no frame 30"),
        (Cut(frame=1, last=24), "no frame is left"),
    ],
)
def test_frames_that_are_not_there_are_refused(edit: object, message: str) -> None:
    with pytest.raises(EditError, match=message):
        edit_sheet(film(), [edit])


def test_an_image_from_outside_cannot_be_redone() -> None:
    given = Given(image="p")
    sheet = ExposureSheet(exposures=(digest(given),), specs={digest(given): given}, color_references={}, color_corrections={})
    with pytest.raises(EditError, match="image from outside"):
        edit_sheet(sheet, [Redo(frame=1, seed=0)])


def test_an_in_between_of_two_prompts_lies_between_them() -> None:
    first, second = (
        Generated(checkpoint="c", conditioning=Prompt(prompt=text), noise=SeedNoise(seed=0), width=8, height=8) for text in "ab"
    )
    middle = InBetween(first=digest(first), second=digest(second), at=0.25)
    specs = {digest(spec): spec for spec in (first, second, middle)}
    sheet = ExposureSheet(exposures=tuple(specs), specs=specs, color_references={}, color_corrections={})
    new = edit_sheet(sheet, [Redo(frame=3, seed=0)])
    assert new.specs[new.exposures[2]].conditioning == Interpolated(first=Prompt(prompt="a"), second=Prompt(prompt="b"), at=0.25)


def test_a_redone_frame_of_a_motion_window_keeps_how_it_was_sampled_and_what_it_followed() -> None:
    window = MotionWindow(
        checkpoint="c",
        motion=AppliedMotion(adapter="m"),
        frames=2,
        keys=(MotionKey(frame=0.0, conditioning=Prompt(prompt="a")),),
        seed=1,
        width=64,
        height=64,
        options=SamplingOptions(clip_skip=2, schedule="karras"),
        control=ControlImage(frame="d", depth="luminance"),
        controls=(AppliedControl(network="n", frame="d", hint="canny"),),
        reference=Reference(frame="r", prompt=Prompt(prompt="a"), noise=SeedNoise(seed=1), weight=2.0),
        approximations=("tiled-vae",),
    )
    spec = MotionFrame(window=window, index=1)
    new = redone_spec({digest(spec): spec}, digest(spec), Redo(frame=2, seed=5))
    assert new.conditioning == Prompt(prompt="a")
    kept = ("options", "control", "controls", "reference", "approximations")
    assert [getattr(new, name) for name in kept] == [getattr(window, name) for name in kept]
