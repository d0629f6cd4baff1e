"""Frame rates are exact, and follow film conventions."""

from fractions import Fraction

import pytest

from sakuga.story.rate import RateError, parse_rate, rate_text


@pytest.mark.parametrize(
    ("text", "rate"),
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
def test_rates_are_parsed_and_formatted_exactly(text: str | float, rate: Fraction) -> None:
    assert parse_rate(text) == rate
    assert parse_rate(rate_text(rate)) == rate


@pytest.mark.parametrize("text", ["fast", "0", "-12", "1/0", "24000 / 1001 fps", "nan", "inf", "1e9", ""])
def test_unreadable_rates_are_refused(text: str) -> None:
    with pytest.raises(RateError, match="rate"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["1e99999999", "1e-99999999", "9" * 5000])
def test_a_rate_that_takes_forever_to_compute_is_refused_at_once(text: str) -> None:
    with pytest.raises(RateError, match="is unreadable"):
        parse_rate(text)
