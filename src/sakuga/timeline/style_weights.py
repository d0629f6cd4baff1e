"""The styles of a frame, and their interpolation."""

from dataclasses import dataclass

from sakuga.timeline.spec import AppliedStyle


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleWeights:
    """The styles at a key, with missing trigger words."""

    styles: tuple[AppliedStyle, ...] = ()
    trigger_words: tuple[str, ...] = ()


def interpolate_styles(first: tuple[AppliedStyle, ...], second: tuple[AppliedStyle, ...], at: float) -> tuple[AppliedStyle, ...]:
    """Interpolate style weights linearly.

    A style that one end lacks has weight 0 there.

    >>> ends = (AppliedStyle(style="a"), AppliedStyle(style="b", weight=0.5)), (AppliedStyle(style="b"),)
    >>> [applied.weight for applied in interpolate_styles(*ends, 0.5)]
    [0.5, 0.75]
    """
    left, right = ({(applied.style, applied.block_weights): applied.weight for applied in end} for end in (first, second))
    return tuple(
        AppliedStyle(
            style=style,
            block_weights=blocks,
            weight=round((1 - at) * left.get((style, blocks), 0.0) + at * right.get((style, blocks), 0.0), 6),
        )
        for style, blocks in dict.fromkeys([*left, *right])
    )
