"""Exact frame rates."""

import re
from fractions import Fraction

from sakuga import InputError

SLOWEST, FASTEST = Fraction(1, 100), Fraction(240)
WRITTEN = re.compile(r"[-+]?(?:\d{1,20}(?:\.\d{0,20}|/\d{1,20})?|\.\d{1,20})")
"""A rate as text; an exponent could stand for a number that takes forever to compute."""


class RateError(InputError, ValueError):
    """An unreadable frame rate.

    The message gives the remedy.
    """


def parse_rate(text: str | float | Fraction) -> Fraction:
    """Parse a frame rate; raises RateError.

    Such as 12, 12.5, "24000/1001" or "23.976".

    23.976 stands for 24000/1001 (SMPTE ST 2053).
    """
    written = str(text).strip()
    try:
        rate = text if isinstance(text, Fraction) else Fraction(written if WRITTEN.fullmatch(written) else "")
    except (ValueError, ZeroDivisionError):
        raise RateError(f"frame rate {text!r} is unreadable; write 12, 23.976 or 24000/1001") from None
    if not SLOWEST <= rate <= FASTEST:
        raise RateError(f"frame rate {text} is out of range; use {float(SLOWEST)} to {FASTEST} frames per second")
    return _television(rate)


def rate_text(rate: Fraction) -> float | str:
    """Format a rate as `parse_rate` reads it.

    A number if exact, else a fraction.
    """
    short = float(rate)
    return short if Fraction(str(short)) == rate == parse_rate(short) else f"{rate.numerator}/{rate.denominator}"


def _television(rate: Fraction) -> Fraction:
    """Replace rounded television rates by exact ones.

    29.97 is 30 * 1000/1001.
    """
    whole = round(rate)
    slowed = Fraction(whole * 1000, 1001)
    short = whole in (24, 30, 48, 60, 120) and rate in (round(slowed, 2), round(slowed, 3))
    return slowed if short else rate
