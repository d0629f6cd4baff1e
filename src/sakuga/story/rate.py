"""Frames a second, exactly."""

from fractions import Fraction

from sakuga import InputError

SLOWEST, FASTEST = Fraction(1, 100), Fraction(240)


class RateError(InputError, ValueError):
    """A rate that cannot be read; the message says how to write one."""


def parse_rate(said: str | float | Fraction) -> Fraction:
    """Read a rate as written: 12, 12.5, "24000/1001", or "23.976", which stands for 24000/1001 (SMPTE ST 2053); raises RateError."""
    try:
        rate = Fraction(str(said).strip())
    except (ValueError, ZeroDivisionError):
        raise RateError(f"rate {said!r} cannot be read: write frames a second as 12, 23.976 or 24000/1001") from None
    if not SLOWEST <= rate <= FASTEST:
        raise RateError(f"rate {said} is out of range: choose {float(SLOWEST)} to {FASTEST} frames a second")
    return _television(rate)


def rate_text(rate: Fraction) -> float | str:
    """Write a rate so that `parse_rate` reads the same: as a number where that is exact, or else as a fraction."""
    short = float(rate)
    return short if Fraction(str(short)) == rate == parse_rate(short) else f"{rate.numerator}/{rate.denominator}"


def _television(rate: Fraction) -> Fraction:
    """Take 23.976, 23.98, 29.97, 47.952, 59.94 and 119.88 for what they are short for: whole rates slowed down by 1001/1000."""
    whole = round(rate)
    slowed = Fraction(whole * 1000, 1001)
    short = whole in (24, 30, 48, 60, 120) and rate in (round(slowed, 2), round(slowed, 3))
    return slowed if short else rate
