"""Styles on the way from one frame's to another's."""

from dataclasses import dataclass

from sakuga.timeline.spec import Worn


@dataclass(frozen=True, slots=True, kw_only=True)
class Outfit:
    """The styles that are worn at a key of a shot, and the words that call them up where its prompt does not say them itself."""

    worn: tuple[Worn, ...] = ()
    words: tuple[str, ...] = ()


def travelled(first: tuple[Worn, ...], second: tuple[Worn, ...], at: float) -> tuple[Worn, ...]:
    """Wear what either end wears; weights go evenly from one to the other, and what an end does not wear has weight 0 there.

    >>> [worn.weight for worn in travelled((Worn(style="a"), Worn(style="b", weight=0.5)), (Worn(style="b"),), 0.5)]
    [0.5, 0.75]
    """
    left, right = ({(worn.style, worn.scales): worn.weight for worn in end} for end in (first, second))
    return tuple(
        Worn(style=style, scales=scales, weight=round((1 - at) * left.get((style, scales), 0.0) + at * right.get((style, scales), 0.0), 6))
        for style, scales in dict.fromkeys([*left, *right])
    )
