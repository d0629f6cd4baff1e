"""Time is exact: rounding never adds up."""

import itertools
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from sakuga.timeline.timing import eased, exact, spans

rates = st.sampled_from([Fraction(12), Fraction(24), Fraction(24000, 1001), Fraction(25)])
lengths = st.lists(st.decimals(min_value="0.1", max_value="9", places=1).map(float), min_size=1, max_size=12)


@given(lengths, rates)
def test_spans_join_without_gap_and_end_at_the_exact_total(seconds, rate):
    cut = spans(seconds, rate)
    assert cut[0].start == 0
    assert all(left.stop == right.start for left, right in itertools.pairwise(cut))
    assert cut[-1].stop == round(sum(map(exact, seconds)) * rate)


@given(st.floats(0, 1), st.sampled_from(["linear", "smooth", "in", "out"]))
def test_easing_stays_between_its_ends(progress, ease):
    assert -1e-9 <= eased(progress, ease) <= 1 + 1e-9
    assert (eased(0.0, ease), eased(1.0, ease)) == (0.0, 1.0)
