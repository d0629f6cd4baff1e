"""What was found, in words that the figures bear out: what is not clear at this n is said to be unclear."""

from collections.abc import Mapping, Sequence

from sakuga.evaluation.figure import Figure, Outcome

NOTHING = 0.005
"""A difference of shares that two places behind the point do not show."""


def gained(outcome: Outcome) -> str:
    """Say a difference with its interval.

    >>> gained(Figure(key="more", value=0.3714, n=32, low=0.21, high=0.5))
    '+0.37 [+0.21, +0.50]'
    """
    if isinstance(outcome, Figure) and outcome.interval:
        return f"{_signed(outcome.value)} [{_signed(outcome.low)}, {_signed(outcome.high)}]"
    return changed(outcome)


def changed(outcome: Outcome) -> str:
    """Say a difference alone."""
    return _signed(outcome.value) if isinstance(outcome, Figure) else "not measured"


def stood(outcome: Outcome) -> str:
    """Say a level with its interval.

    >>> stood(Figure(key="base", value=0.3714, n=32, low=0.21, high=0.5))
    '0.37 [0.21, 0.50]'
    """
    return gained(outcome).replace("+", "")


def _signed(value: float | None) -> str:
    return f"{value or 0.0:+.2f}".replace("-", "−").replace("+0.00", "0.00").replace("−0.00", "0.00")


def clearly(outcome: Outcome) -> int:
    """Tell where a difference of shares lies, with all of its interval: 1 above zero, -1 below, 0 where it cannot be told.

    What two places behind the point would not show is nothing.
    """
    if not isinstance(outcome, Figure) or outcome.low is None or outcome.high is None:
        return 0
    return 1 if outcome.low > NOTHING else -1 if outcome.high < -NOTHING else 0


def sorted_out(differences: Mapping[str, Outcome], more: str, less: str, same: str) -> str:
    """Say of which the difference is clearly above zero, of which below, and of which it cannot be told; each with its figure."""
    said = []
    for sign, words in ((1, more), (-1, less), (0, same)):
        if named := [f"{name} ({gained(one)})" for name, one in differences.items() if clearly(one) == sign]:
            said.append(f"{words}: {listed(named)}.")
    return "\n".join(said)


def listed(names: Sequence[str]) -> str:
    """Join names as people do.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
