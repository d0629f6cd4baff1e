"""A storyboard becomes frames with names: as many as asked, never across a cut, and a change stays where it was made."""

import itertools
from dataclasses import replace
from fractions import Fraction

from sakuga.story.storyboard import Bible, Camera, Cut, Dissolve, Morph, Shot, Storyboard
from sakuga.timeline.chain import Direction, Sheet, chain
from sakuga.timeline.spec import Between, Drawn, Mix, needs

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
