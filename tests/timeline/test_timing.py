"""Time is exact: rounding never adds up."""

import itertools
from fractions import Fraction
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from sakuga.story.storyboard import Ease
from sakuga.timeline.frame_range import frame_range_text
from sakuga.timeline.timing import apply_easing, exact_seconds, exposure_counts, frame_spans

rates = st.sampled_from([Fraction(12), Fraction(24), Fraction(24000, 1001), Fraction(25)])
lengths = st.lists(st.decimals(min_value="0.1", max_value="9", places=1).map(float), min_size=1, max_size=12)


@given(lengths, rates)
def test_spans_join_without_gap_and_end_at_the_exact_total(seconds, rate):
    cut = frame_spans(seconds, rate)
    assert cut[0].start == 0
    assert all(left.stop == right.start for left, right in itertools.pairwise(cut))
    assert cut[-1].stop == round(sum(map(exact_seconds, seconds)) * rate)


@given(st.floats(0, 1), st.sampled_from(get_args(Ease)))
def test_easing_starts_at_0_and_ends_at_1(progress, ease):
    most = 1.1001 if ease == "overshoot" else 1
    assert -1e-9 <= apply_easing(progress, ease) <= most + 1e-9
    assert (apply_easing(0.0, ease), apply_easing(1.0, ease)) == (0.0, 1.0)


def test_overshoot_exceeds_the_end_by_a_tenth_and_smoother_starts_slower():
    assert max(apply_easing(step / 100, "overshoot") for step in range(101)) > 1.09
    assert apply_easing(0.05, "smoother") < apply_easing(0.05, "smooth") / 4


def test_equal_durations_are_one_frame_each_at_their_own_rate():
    assert exposure_counts([Fraction(1, 12)] * 3) == (Fraction(12), [1, 1, 1])
    assert exposure_counts([Fraction(0)] * 2) == (Fraction(1), [1, 1])


def test_frame_numbers_are_written_as_runs():
    assert frame_range_text((1, 2, 3, 7, 9, 10)) == "1-3,7,9-10"
