"""What is worn on the way from one style to another."""

from sakuga.timeline.spec import Worn


def travelled(first: tuple[Worn, ...], second: tuple[Worn, ...], at: float) -> tuple[Worn, ...]:
    """Wear what either end wears; weights go evenly from one to the other."""
    left, right = ({worn.style: worn.weight for worn in end} for end in (first, second))
    return tuple(
        Worn(style=style, weight=round((1 - at) * left.get(style, 0.0) + at * right.get(style, 0.0), 6))
        for style in dict.fromkeys([*left, *right])
    )
