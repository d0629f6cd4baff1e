"""Morphs are retimed to equal visual steps, and jumps get frames of their own."""

from itertools import pairwise

import pytest

from sakuga.timeline.transition_timing import (
    CLOSEST,
    TransitionTiming,
    change_along,
    even_timing,
    planned_timing,
    with_keyframes,
    without_unused,
)


def jump(position: float) -> float:
    """Return what a morph shows: a slow change with a jump of 10 just after 0.5."""
    return 4 * position + (10.0 if position > 0.5 else 0.0)


def shown_at(timing: TransitionTiming, position: float) -> float:
    left, right = timing.neighbors(position)
    share = (position - left) / (right - left) if right > left else 0.0
    return jump(left) + share * (jump(right) - jump(left))


def retimed(timing: TransitionTiming, known: set[float], differ: float) -> TransitionTiming:
    known |= set(timing.generated)
    changes = {after: jump(after) - jump(before) for before, after in pairwise(sorted({0.0, *known}))}
    return with_keyframes(even_timing(timing, change_along(changes)), lambda left, right: jump(right) - jump(left) > differ)


def largest_share(timing: TransitionTiming) -> float:
    values = [0.0, *(shown_at(timing, position) for position in timing.shown)]
    return max(after - before for before, after in pairwise(values)) * len(timing.shown) / values[-1]


def test_a_jump_is_spread_over_frames_of_equal_change() -> None:
    timing, known = planned_timing(12, 3), set[float]()
    assert largest_share(timing) > 2.4
    for differ in (4.0, 99.0, 99.0):
        timing = retimed(timing, known, differ)
    assert largest_share(timing) < 1.35
    assert timing.shown[-1] == timing.generated[-1] == 1.0
    assert list(timing.shown) == sorted(timing.shown)


def test_a_smooth_morph_needs_no_more_keyframes() -> None:
    timing = planned_timing(12, 3)
    assert with_keyframes(timing, lambda left, right: False) == timing


def test_the_middle_frame_between_unlike_keyframes_is_generated_unless_they_are_too_close() -> None:
    timing = TransitionTiming(generated=(0.5, 0.5 + CLOSEST, 1.0), shown=(0.1, 0.25, 0.4, 0.51, 1.0))
    assert with_keyframes(timing, lambda left, right: True).generated == (0.25, 0.5, 0.5 + CLOSEST, 1.0)


def test_the_frames_of_an_even_timing_are_equal_changes_apart() -> None:
    curve = change_along({0.25: 6.0, 0.5: 1.0, 1.0: 1.0})
    timing = even_timing(planned_timing(8, 2), curve)
    values = [curve.change_at(position) for position in (0.0, *timing.shown)]
    assert [after - before for before, after in pairwise(values)] == pytest.approx([1.0] * 8, abs=1e-4)


def test_positions_that_no_frame_needs_are_left_out() -> None:
    timing = TransitionTiming(generated=(0.1, 0.2, 0.3, 1.0), shown=(0.25, 1.0))
    assert without_unused(timing).generated == (0.2, 0.3, 1.0)


@pytest.mark.parametrize("frames", [1, 2, 9])
def test_a_planned_timing_ends_at_the_keyframe(frames: int) -> None:
    timing = planned_timing(frames, 3)
    assert len(timing.shown) == frames
    assert timing.shown[-1] == timing.generated[-1] == 1.0
