"""Every key once, one noise each, no jump; and evening makes neighbours differ equally."""

from itertools import pairwise
from math import exp
from statistics import fmean, median, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakuga.timeline.morph import Course, Key, MorphError, closed_up, evened, frames_at, places, ruler
from sakuga.timeline.spec import Drawn, Mix, Ring, Seeded, Slerp, Text, Worn, digest

LIKE = Drawn(checkpoint="c", conditioning=Text(prompt=""), noise=Seeded(seed=0), width=32, height=32, batch=8)


def course(*prompts: str, closed: bool = False) -> Course:
    return Course(keys=tuple(Key(prompt=prompt, seed=10 + number) for number, prompt in enumerate(prompts)), closed=closed)


def test_frames_are_spread_evenly_and_joints_are_shown_once() -> None:
    assert places(course("a", "b"), 5, "linear") == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert places(course("a", "b", "c"), 5, "linear") == (0.0, 0.5, 1.0, 1.5, 2.0)
    assert places(course("a", "b", closed=True), 4, "linear") == (0.0, 0.5, 1.0, 1.5)
    assert places(course("a", closed=True), 4, "linear") == (0.0, 0.25, 0.5, 0.75)
    assert places(course("a", "b"), 5, "smooth")[1] == 0.15625


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(2, 60), st.sampled_from(["linear", "smooth", "smoother", "in", "out"]), st.booleans())
def test_every_key_is_met_exactly_once_and_the_way_leads_on(keys: int, frames: int, ease, closed: bool) -> None:
    if not closed and keys == 1:
        return
    way = course(*"abcdefghi"[:keys], closed=closed)
    if frames < max(2, keys):
        with pytest.raises(MorphError, match=f"{frames} frames cannot show {keys} prompts"):
            places(way, frames, ease)
        return
    at = places(way, frames, ease)
    assert len(at) == frames
    assert all(before < after for before, after in pairwise(at))
    assert [place for place in at if place == int(place)] == [float(key) for key in range(keys)]
    assert len(set(map(digest, frames_at(way, at, LIKE)))) == frames


def test_an_ease_that_goes_past_a_key_is_refused() -> None:
    with pytest.raises(MorphError, match="'overshoot' goes past"):
        places(course("a", "b"), 9, "overshoot")


def test_a_key_is_a_plain_drawing_and_both_its_legs_share_its_noise() -> None:
    way = course("a", "b", "c")
    first, before, key, after, last = frames_at(way, (0.0, 0.5, 1.0, 1.25, 2.0), LIKE)
    assert (first.conditioning, first.noise) == (Text(prompt="a"), Seeded(seed=10))
    assert (key.conditioning, key.noise) == (Text(prompt="b"), Seeded(seed=11))
    assert (last.conditioning, last.noise) == (Text(prompt="c"), Seeded(seed=12))
    assert before.conditioning == Mix(first=Text(prompt="a"), second=Text(prompt="b"), at=0.5)
    assert before.noise == Slerp(first=Seeded(seed=10), second=Seeded(seed=11), at=0.5)
    assert after.noise == Slerp(first=Seeded(seed=11), second=Seeded(seed=12), at=0.25)
    assert {frame.batch for frame in (first, before, key)} == {8}


def test_loops_close_and_those_of_one_or_two_keys_do_not_come_back_as_they_went() -> None:
    back = frames_at(course("a", "b", "c", closed=True), (2.5,), LIKE)[0]
    assert back.noise == Slerp(first=Seeded(seed=12), second=Seeded(seed=10), at=0.5)
    assert back.conditioning == Mix(first=Text(prompt="c"), second=Text(prompt="a"), at=0.5)
    there, returned = frames_at(course("a", "b", closed=True), (0.5, 1.5), LIKE)
    assert there.noise == Ring(first=Seeded(seed=10), second=Seeded(seed=11), third=Seeded(seed=12), at=0.25)
    assert isinstance(returned.noise, Ring)
    assert (returned.noise.at, returned.conditioning) == (0.75, Mix(first=Text(prompt="b"), second=Text(prompt="a"), at=0.5))
    round_one = frames_at(course("a", closed=True), (0.0, 0.5), LIKE)
    assert round_one[0].noise == Seeded(seed=10)
    assert round_one[1].noise == Ring(first=Seeded(seed=10), second=Seeded(seed=11), third=Seeded(seed=12), at=0.5)
    assert round_one[1].conditioning == Text(prompt="a")


@pytest.mark.parametrize("closed", [False, True])
def test_keys_of_one_noise_keep_it(closed: bool) -> None:
    way = Course(keys=(Key(prompt="a", seed=1), Key(prompt="b", seed=1)), closed=closed)
    assert {frame.noise for frame in frames_at(way, (0.0, 0.3, 1.0), LIKE)} == {Seeded(seed=1)}


def test_equal_prompts_are_not_mixed() -> None:
    assert frames_at(course("a", "a"), (0.5,), LIKE)[0].conditioning == Text(prompt="a")


def test_styles_travel_by_their_weights() -> None:
    keys = (
        Key(prompt="a", seed=1, styles=(Worn(style="s"),)),
        Key(prompt="a", seed=2, styles=(Worn(style="t", weight=0.5), Worn(style="s", weight=0.2))),
    )
    first, middle, last = frames_at(Course(keys=keys), (0.0, 0.25, 1.0), LIKE)
    assert first.styles == keys[0].styles
    assert last.styles == keys[1].styles
    assert middle.styles == (Worn(style="s", weight=0.8), Worn(style="t", weight=0.125))
    assert middle.batch == 1


@pytest.mark.parametrize(
    ("prompts", "closed", "said"), [((), False, "no prompt"), (("a",), False, "two prompts or more"), ((), True, "no prompt")]
)
def test_a_way_needs_somewhere_to_go(prompts: tuple[str, ...], closed: bool, said: str) -> None:
    with pytest.raises(MorphError, match=said):
        course(*prompts, closed=closed)


def gone(place: float) -> float:
    """How much has changed up to a place: much about 0.4 of every leg, little elsewhere, and more on later legs."""
    leg = int(place)
    within = place - leg
    return sum(1.0 + key for key in range(leg)) + (1.0 + leg) * (0.2 * within + 0.8 / (1 + 2.718281828 ** (-25 * (within - 0.4))))


def steps_at(way: Course, at: tuple[float, ...]) -> list[float]:
    ends = [*at, float(way.legs)] if way.closed else list(at)
    return [gone(after) - gone(before) for before, after in pairwise(ends)]


@pytest.mark.parametrize("closed", [False, True])
def test_evening_makes_neighbours_differ_equally_and_keeps_the_keys(closed: bool) -> None:
    way = course("a", "b", "c", closed=closed)
    at = places(way, 40, "linear")
    before = steps_at(way, at)
    for _ in range(2):
        at = evened(way, 40, ruler(way, at, steps_at(way, at)))
    after = steps_at(way, at)
    assert pstdev(after) / fmean(after) < 0.25 * pstdev(before) / fmean(before)
    assert len(at) == 40
    assert [place for place in at if place == int(place)] == [0.0, 1.0, 2.0]


def test_a_loop_that_closes_with_a_wide_step_moves_the_end_of_its_last_leg_alone() -> None:
    way = course("a", "b", closed=True)
    at = places(way, 24, "linear")
    wide = [1.0] * 23 + [3.0]
    moved = closed_up(way, at, ruler(way, at, wide), 1.2)
    kept = [place for place, (before, after) in enumerate(zip(at, moved, strict=True)) if before == after]
    assert kept[0] == 0
    assert kept == list(range(len(kept)))
    assert 12 < len(kept) < 24
    assert all(before < after for before, after in pairwise([*moved, 2.0]))
    assert moved[-1] > at[-1]


def test_a_leg_too_long_for_its_frames_takes_some_of_the_others() -> None:
    way = course("a", "b", closed=True)
    at = places(way, 10, "linear")
    moved = closed_up(way, at, ruler(way, at, [1.0] * 5 + [9.0] * 5), 1.2)
    assert sum(place >= 1 for place in moved) == 9
    assert {0.0, 1.0} < set(moved)


def test_where_nothing_moves_frames_stay_spread_evenly() -> None:
    way = course("a", "b", "c")
    assert evened(way, 9, ruler(way, places(way, 9, "linear"), [0.0] * 8)) == places(way, 9, "linear")


def test_a_ruler_is_as_long_as_the_steps_and_as_fine_as_what_was_seen() -> None:
    way = course("a", "b", closed=True)
    finer = [(0.5, 1.0), (0.75, 3.0), (1.0, 1.0), (1.5, 0.0), (1.9, 4.0), (2.0, 2.0)]
    along = ruler(way, (0.0, 0.5, 1.0), (1.0, 2.0, 9.0), finer)
    assert along.places == (0.0, 0.5, 0.75, 1.0, 1.5, 1.9, 2.0)
    assert along.gone == (0.0, 1.0, 2.5, 3.0, 3.0, 9.0, 12.0)
    assert [along.place_of(gone) for gone in (0.0, 1.75, 3.0, 6.0, 12.0)] == [0.0, 0.625, 1.0, 1.7, 2.0]


@given(st.floats(0.01, 0.08), st.floats(0.01, 0.4), st.integers(1, 3), st.sampled_from([12, 24, 40]))
@settings(deadline=None)
def test_a_change_hidden_in_two_steps_is_found_and_shared_out(sharp: float, before: float, keys: int, frames: int) -> None:
    """What was seen is kept from take to take: each looks closer where the change is, however short its moment."""

    def changed(place: float) -> float:
        moment = (place - (keys - before)) / (sharp * before)
        return 0.3 * place + 5.0 / (1 + exp(-max(-60.0, min(60.0, moment)))) if place < keys else 0.3 * keys + 5.0

    way = course(*"abc"[:keys], closed=True)
    at, seen = places(way, frames, "linear"), set[float]()
    for _ in range(5):
        ends = [*at, float(keys)]
        known = sorted(seen := seen | set(ends))
        finer = [(place, changed(place) - changed(last)) for last, place in pairwise(known)]
        at = evened(way, frames, ruler(way, at, [changed(b) - changed(a) for a, b in pairwise(ends)], finer))
    moved = [changed(b) - changed(a) for a, b in pairwise([*at, float(keys)])]
    assert moved[-1] <= 1.2 * median(moved)
    assert max(moved) <= 2 * median(moved)
