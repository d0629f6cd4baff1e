"""Conclusions in words."""

from collections.abc import Mapping

from sakuga.evaluation.metric import Measurement, Metric
from sakuga.text import listed

NEGLIGIBLE = 0.005
"""A difference of shares that rounds to 0.00."""


def difference_text(metric: Measurement) -> str:
    """Format a difference with its interval.

    >>> difference_text(Metric(key="more", value=0.3714, n=32, low=0.21, high=0.5))
    '+0.37 [+0.21, +0.50]'
    """
    if isinstance(metric, Metric) and metric.interval:
        return f"{_signed(metric.value)} [{_signed(metric.low)}, {_signed(metric.high)}]"
    return signed_text(metric)


def signed_text(metric: Measurement) -> str:
    """Format a difference without its interval."""
    return _signed(metric.value) if isinstance(metric, Metric) else "not measured"


def level_text(metric: Measurement) -> str:
    """Format a level with its interval.

    >>> level_text(Metric(key="base", value=0.3714, n=32, low=0.21, high=0.5))
    '0.37 [0.21, 0.50]'
    """
    return difference_text(metric).replace("+", "")


def _signed(value: float | None) -> str:
    return f"{value or 0.0:+.2f}".replace("-", "−").replace("+0.00", "0.00").replace("−0.00", "0.00")


def clear_sign(metric: Measurement) -> int:
    """Return the sign of a clear difference, else 0.

    The whole interval must lie beyond a negligible difference of 0.005.
    """
    if not isinstance(metric, Metric) or metric.low is None or metric.high is None:
        return 0
    return 1 if metric.low > NEGLIGIBLE else -1 if metric.high < -NEGLIGIBLE else 0


def sign_summary(differences: Mapping[str, Measurement], more: str, less: str, same: str) -> str:
    """Summarize differences by their sign."""
    lines = []
    for sign, words in ((1, more), (-1, less), (0, same)):
        if named := [f"{name} ({difference_text(one)})" for name, one in differences.items() if clear_sign(one) == sign]:
            lines.append(f"{words}: {listed(named)}.")
    return "\n".join(lines)
