"""Ticks add up exactly at any frame rate."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some

from sakuga.export.timing import spread_ticks, timed_images


def images_of(levels: str) -> list[np.ndarray]:
    return [np.full((2, 2, 3), ord(level), np.uint8) for level in levels]


@settings(deadline=None)
@given(count=some.integers(1, 300), rate=some.fractions(1, 60), ticks=some.sampled_from([100, 1000]))
def test_the_sum_is_exact_and_the_parts_even(count: int, rate: Fraction, ticks: int) -> None:
    lengths = spread_ticks(count, rate, ticks)
    assert abs(sum(lengths) - count * ticks / rate) <= Fraction(1, 2)
    assert max(lengths) - min(lengths) <= 1


def test_equal_neighbors_are_merged() -> None:
    assert [timed.ticks for timed in timed_images(images_of("aaba"), Fraction(12), 100)] == [17, 8, 8]


def test_an_image_that_is_too_short_takes_the_time_of_the_next() -> None:
    shown = list(timed_images(images_of("abcdefgh"), Fraction(80), 100, min_ticks=2))
    assert sum(timed.ticks for timed in shown) == 10
    assert all(timed.ticks >= 2 for timed in shown)
