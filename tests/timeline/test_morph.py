"""Every key appears once, and even positions make neighbours differ equally."""

from itertools import pairwise
from math import exp
from statistics import fmean, median, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakuga.timeline.morph import MorphError, MorphKey, MorphPath, change_curve, close_loop, even_positions, morph_positions, morph_specs
from sakuga.timeline.spec import AppliedStyle, Generated, Interpolated, NoiseLoop, Prompt, SeedNoise, SlerpNoise, digest

LIKE = Generated(checkpoint="c", conditioning=Prompt(prompt=""), noise=SeedNoise(seed=0), width=32, height=32, batch=8)


def path(*prompts: str, closed: bool = False) -> MorphPath:
    return MorphPath(keys=tuple(MorphKey(prompt=prompt, seed=10 + number) for number, prompt in enumerate(prompts)), closed=closed)


def test_frames_are_spread_evenly_and_joints_are_shown_once() -> None:
    assert morph_positions(path("a", "b"), 5, "linear") == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert morph_positions(path("a", "b", "c"), 5, "linear") == (0.0, 0.5, 1.0, 1.5, 2.0)
    assert morph_positions(path("a", "b", closed=True), 4, "linear") == (0.0, 0.5, 1.0, 1.5)
    assert morph_positions(path("a", closed=True), 4, "linear") == (0.0, 0.25, 0.5, 0.75)
    assert morph_positions(path("a", "b"), 5, "smooth")[1] == 0.15625


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(2, 60), st.sampled_from(["linear", "smooth", "smoother", "in", "out"]), st.booleans())
def test_every_key_is_met_exactly_once_and_positions_increase(keys: int, frames: int, ease, closed: bool) -> None:
    if not closed and keys == 1:
        return
    route = path(*"abcdefghi"[:keys], closed=closed)
    if frames < max(2, keys):
        with pytest.raises(MorphError, match=f"{frames} frames are too few for {keys} prompts"):
            morph_positions(route, frames, ease)
        return
    at = morph_positions(route, frames, ease)
    assert len(at) == frames
    assert all(before < after for before, after in pairwise(at))
    assert [position for position in at if position == int(position)] == [float(key) for key in range(keys)]
    assert len(set(map(digest, morph_specs(route, at, LIKE)))) == frames


def test_an_overshooting_ease_is_refused() -> None:
    with pytest.raises(MorphError, match="'overshoot' overshoots"):
        morph_positions(path("a", "b"), 9, "overshoot")


def test_a_key_is_a_plain_generation_and_both_segments_share_its_noise() -> None:
    route = path("a", "b", "c")
    first, before, key, after, last = morph_specs(route, (0.0, 0.5, 1.0, 1.25, 2.0), LIKE)
    assert (first.conditioning, first.noise) == (Prompt(prompt="a"), SeedNoise(seed=10))
    assert (key.conditioning, key.noise) == (Prompt(prompt="b"), SeedNoise(seed=11))
    assert (last.conditioning, last.noise) == (Prompt(prompt="c"), SeedNoise(seed=12))
    assert before.conditioning == Interpolated(first=Prompt(prompt="a"), second=Prompt(prompt="b"), at=0.5)
    assert before.noise == SlerpNoise(first=SeedNoise(seed=10), second=SeedNoise(seed=11), at=0.5)
    assert after.noise == SlerpNoise(first=SeedNoise(seed=11), second=SeedNoise(seed=12), at=0.25)
    assert {frame.batch for frame in (first, before, key)} == {8}


def test_loops_close_and_those_of_one_or_two_keys_do_not_retrace_their_path() -> None:
    back = morph_specs(path("a", "b", "c", closed=True), (2.5,), LIKE)[0]
    assert back.noise == SlerpNoise(first=SeedNoise(seed=12), second=SeedNoise(seed=10), at=0.5)
    assert back.conditioning == Interpolated(first=Prompt(prompt="c"), second=Prompt(prompt="a"), at=0.5)
    there, returned = morph_specs(path("a", "b", closed=True), (0.5, 1.5), LIKE)
    assert there.noise == NoiseLoop(first=SeedNoise(seed=10), second=SeedNoise(seed=11), third=SeedNoise(seed=12), at=0.25)
    assert isinstance(returned.noise, NoiseLoop)
    assert (returned.noise.at, returned.conditioning) == (0.75, Interpolated(first=Prompt(prompt="b"), second=Prompt(prompt="a"), at=0.5))
    round_one = morph_specs(path("a", closed=True), (0.0, 0.5), LIKE)
    assert round_one[0].noise == SeedNoise(seed=10)
    assert round_one[1].noise == NoiseLoop(first=SeedNoise(seed=10), second=SeedNoise(seed=11), third=SeedNoise(seed=12), at=0.5)
    assert round_one[1].conditioning == Prompt(prompt="a")


@pytest.mark.parametrize("closed", [False, True])
def test_keys_with_one_seed_share_a_constant_noise(closed: bool) -> None:
    route = MorphPath(keys=(MorphKey(prompt="a", seed=1), MorphKey(prompt="b", seed=1)), closed=closed)
    assert {frame.noise for frame in morph_specs(route, (0.0, 0.3, 1.0), LIKE)} == {SeedNoise(seed=1)}


def test_equal_prompts_are_not_interpolated() -> None:
    assert morph_specs(path("a", "a"), (0.5,), LIKE)[0].conditioning == Prompt(prompt="a")


def test_style_weights_are_interpolated() -> None:
    keys = (
        MorphKey(prompt="a", seed=1, styles=(AppliedStyle(style="s"),)),
        MorphKey(prompt="a", seed=2, styles=(AppliedStyle(style="t", weight=0.5), AppliedStyle(style="s", weight=0.2))),
    )
    first, middle, last = morph_specs(MorphPath(keys=keys), (0.0, 0.25, 1.0), LIKE)
    assert first.styles == keys[0].styles
    assert last.styles == keys[1].styles
    assert middle.styles == (AppliedStyle(style="s", weight=0.8), AppliedStyle(style="t", weight=0.125))
    assert middle.batch == 1


@pytest.mark.parametrize(
    ("prompts", "closed", "message"), [((), False, "no prompt"), (("a",), False, "two prompts or more"), ((), True, "no prompt")]
)
def test_a_path_needs_enough_keys(prompts: tuple[str, ...], closed: bool, message: str) -> None:
    with pytest.raises(MorphError, match=message):
        path(*prompts, closed=closed)


def change_at(position: float) -> float:
    """Return the change up to a position: fastest at 0.4 of a segment, more on later segments."""
    segment = int(position)
    within = position - segment
    return sum(1.0 + key for key in range(segment)) + (1.0 + segment) * (0.2 * within + 0.8 / (1 + 2.718281828 ** (-25 * (within - 0.4))))


def steps_at(route: MorphPath, at: tuple[float, ...]) -> list[float]:
    ends = [*at, float(route.segments)] if route.closed else list(at)
    return [change_at(after) - change_at(before) for before, after in pairwise(ends)]


@pytest.mark.parametrize("closed", [False, True])
def test_even_positions_make_neighbours_differ_equally_and_keep_the_keys(closed: bool) -> None:
    route = path("a", "b", "c", closed=closed)
    at = morph_positions(route, 40, "linear")
    before = steps_at(route, at)
    for _ in range(2):
        at = even_positions(route, 40, change_curve(route, at, steps_at(route, at)))
    after = steps_at(route, at)
    assert pstdev(after) / fmean(after) < 0.25 * pstdev(before) / fmean(before)
    assert len(at) == 40
    assert [position for position in at if position == int(position)] == [0.0, 1.0, 2.0]


def test_closing_a_loop_moves_only_the_end_of_its_last_segment() -> None:
    route = path("a", "b", closed=True)
    at = morph_positions(route, 24, "linear")
    wide = [1.0] * 23 + [3.0]
    moved = close_loop(route, at, change_curve(route, at, wide), 1.2)
    fixed = [position for position, (before, after) in enumerate(zip(at, moved, strict=True)) if before == after]
    assert fixed[0] == 0
    assert fixed == list(range(len(fixed)))
    assert 12 < len(fixed) < 24
    assert all(before < after for before, after in pairwise([*moved, 2.0]))
    assert moved[-1] > at[-1]


def test_a_segment_too_long_for_its_frames_takes_frames_from_others() -> None:
    route = path("a", "b", closed=True)
    at = morph_positions(route, 10, "linear")
    moved = close_loop(route, at, change_curve(route, at, [1.0] * 5 + [9.0] * 5), 1.2)
    assert sum(position >= 1 for position in moved) == 9
    assert {0.0, 1.0} < set(moved)


def test_where_nothing_moves_frames_stay_spread_evenly() -> None:
    route = path("a", "b", "c")
    assert even_positions(route, 9, change_curve(route, morph_positions(route, 9, "linear"), [0.0] * 8)) == morph_positions(
        route, 9, "linear"
    )


def test_a_change_curve_is_as_long_as_the_steps_and_as_fine_as_the_measurements() -> None:
    route = path("a", "b", closed=True)
    finer = [(0.5, 1.0), (0.75, 3.0), (1.0, 1.0), (1.5, 0.0), (1.9, 4.0), (2.0, 2.0)]
    along = change_curve(route, (0.0, 0.5, 1.0), (1.0, 2.0, 9.0), finer)
    assert along.positions == (0.0, 0.5, 0.75, 1.0, 1.5, 1.9, 2.0)
    assert along.change == (0.0, 1.0, 2.5, 3.0, 3.0, 9.0, 12.0)
    assert [along.position_of(change) for change in (0.0, 1.75, 3.0, 6.0, 12.0)] == [0.0, 0.625, 1.0, 1.7, 2.0]


@given(st.floats(0.01, 0.08), st.floats(0.01, 0.4), st.integers(1, 3), st.sampled_from([12, 24, 40]))
@settings(deadline=None)
def test_a_change_hidden_in_two_steps_is_found_and_shared_out(width: float, before: float, keys: int, frames: int) -> None:
    """Earlier measurements are fixed: each round measures finer where the change is."""

    def changed(position: float) -> float:
        phase = (position - (keys - before)) / (width * before)
        return 0.3 * position + 5.0 / (1 + exp(-max(-60.0, min(60.0, phase)))) if position < keys else 0.3 * keys + 5.0

    route = path(*"abc"[:keys], closed=True)
    at, measured = morph_positions(route, frames, "linear"), set[float]()
    for _ in range(5):
        ends = [*at, float(keys)]
        known = sorted(measured := measured | set(ends))
        finer = [(position, changed(position) - changed(last)) for last, position in pairwise(known)]
        at = even_positions(route, frames, change_curve(route, at, [changed(b) - changed(a) for a, b in pairwise(ends)], finer))
    moved = [changed(b) - changed(a) for a, b in pairwise([*at, float(keys)])]
    assert moved[-1] <= 1.2 * median(moved)
    assert max(moved) <= 2 * median(moved)
