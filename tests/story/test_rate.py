"""Rates are exact, and mean what film people mean by them."""

from fractions import Fraction

import pytest

from sakuga.story.rate import RateError, parse_rate, rate_text


@pytest.mark.parametrize(
    ("said", "rate"),
    [
        (12, Fraction(12)),
        (12.5, Fraction(25, 2)),
        ("24000/1001", Fraction(24000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("29.9", Fraction(299, 10)),
        ("1/2", Fraction(1, 2)),
    ],
)
def test_rates_are_read_exactly_and_written_so(said: str | float, rate: Fraction) -> None:
    assert parse_rate(said) == rate
    assert parse_rate(rate_text(rate)) == rate


@pytest.mark.parametrize("said", ["fast", "0", "-12", "1/0", "24000 / 1001 fps", "nan", "inf", "1e9", ""])
def test_what_is_no_rate_is_refused(said: str) -> None:
    with pytest.raises(RateError, match="rate"):
        parse_rate(said)
