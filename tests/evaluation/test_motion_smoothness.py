"""Even steps have no variation; a loop gap is counted in median steps."""

import pytest

from sakuga.evaluation.motion_smoothness import loop_gap, steps, variation


def test_steps_are_those_of_neighbours() -> None:
    assert steps([1, 4, 6], lambda before, after: after - before) == [3, 2]


def test_variation_is_the_deviation_over_the_mean() -> None:
    assert variation([2.0, 2.0, 2.0]) == 0.0
    assert variation([1.0, 3.0]) == pytest.approx(0.5)
    assert variation([10.0, 30.0]) == pytest.approx(0.5)
    assert variation([0.0, 0.0]) == 0.0


def test_a_loop_gap_is_counted_in_median_steps() -> None:
    assert loop_gap([1.0, 2.0, 9.0], 3.0) == 1.5
    assert loop_gap([0.0, 0.0, 9.0], 3.0) is None
