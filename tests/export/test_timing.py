"""Ticks add up, whatever the rate."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some

from sakuga.export.timing import spread, stills
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given


def clip_of(levels: str, rate: Fraction) -> Clip:
    return Clip(
        frames=tuple(Frame(picture=np.full((2, 2, 3), ord(level), np.uint8), spec=Given(picture=level)) for level in levels), rate=rate
    )


@settings(deadline=None)
@given(count=some.integers(1, 300), rate=some.fractions(1, 60), ticks=some.sampled_from([100, 1000]))
def test_the_sum_is_exact_and_the_parts_even(count: int, rate: Fraction, ticks: int) -> None:
    lengths = spread(count, rate, ticks)
    assert abs(sum(lengths) - count * ticks / rate) <= Fraction(1, 2)
    assert max(lengths) - min(lengths) <= 1


def test_equal_neighbours_become_one() -> None:
    assert [still.ticks for still in stills(clip_of("aaba", Fraction(12)), 100)] == [17, 8, 8]


def test_what_is_too_short_gives_its_time_to_the_one_before() -> None:
    shown = list(stills(clip_of("abcdefgh", Fraction(80)), 100, least=2))
    assert sum(still.ticks for still in shown) == 10
    assert all(still.ticks >= 2 for still in shown)
