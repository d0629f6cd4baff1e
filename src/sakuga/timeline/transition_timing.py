"""Timing of a morph into a shot: what each of its frames shows.

A position is a number from 0.0, the last image before the morph, to 1.0, the keyframe of the shot.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sakuga.timeline.morph import ChangeCurve, MorphKey, MorphPath, change_curve, even_positions
from sakuga.timeline.spec import Digest

CLOSEST = 1 / 32
"""Positions nearer to each other than this are not generated apart: the image jumps between them."""
DIGITS = 6
_PATH = MorphPath(keys=(MorphKey(prompt="", seed=0),) * 2)
"""A path of one segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionTiming:
    """The positions of a morph."""

    generated: tuple[float, ...]
    """Those that the model generates, in order; the last is 1.0."""
    shown: tuple[float, ...]
    """That of each frame, in order; the last is 1.0. A frame between two generated ones is an in-between."""

    def neighbors(self, position: float) -> tuple[float, float]:
        """Return the generated positions at or around a position; 0.0 is the image before.

        >>> TransitionTiming(generated=(0.5, 1.0), shown=(0.25, 0.5, 1.0)).neighbors(0.25)
        (0.0, 0.5)
        """
        place = bisect_left(self.generated, position)
        return position if self.generated[place] == position else ((0.0, *self.generated)[place]), self.generated[place]


Timings = Mapping[int, TransitionTiming]
"""By shot, counted from 0: how the morph into it is timed, if not evenly in its settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidTransition:
    """A morph as a film lays it out."""

    timing: TransitionTiming
    before: Digest
    generated: tuple[Digest, ...]
    """The frame at each generated position."""
    frames: tuple[Digest, ...]
    """Its frames in order; the last is the keyframe of the shot."""


def planned_timing(frames: int, stride: int) -> TransitionTiming:
    """Space the settings of a morph evenly; every `stride`-th frame is generated, and the last.

    >>> planned_timing(4, 2).shown, planned_timing(4, 2).generated
    ((0.25, 0.5, 0.75, 1.0), (0.25, 0.75, 1.0))
    """
    shown = tuple((place + 1) / frames for place in range(frames))
    return TransitionTiming(generated=tuple(shown[place] for place in sorted({*range(0, frames, stride), frames - 1})), shown=shown)


def change_along(changes: Mapping[float, float]) -> ChangeCurve:
    """Return how a morph changes: linearly between generated positions.

    `changes` holds every generated position, 1.0 among them, with its difference to the position before.
    """
    return change_curve(_PATH, (0.0, 1.0), [sum(changes.values())], changes.items())


def even_timing(timing: TransitionTiming, curve: ChangeCurve) -> TransitionTiming:
    """Retime a morph so that neighbouring frames differ equally."""
    shown = even_positions(_PATH, len(timing.shown) + 1, curve)[1:]
    return TransitionTiming(generated=timing.generated, shown=tuple(round(position, DIGITS) for position in shown))


def with_keyframes(timing: TransitionTiming, differ: Callable[[float, float], bool]) -> TransitionTiming:
    """Generate the middle one of the frames between two generated ones which differ too much."""
    between = dict[tuple[float, float], list[float]]()
    for position in timing.shown:
        between.setdefault(timing.neighbors(position), []).append(position)
    wide = [places for (left, right), places in between.items() if right - left > CLOSEST and differ(left, right)]
    added = {places[len(places) // 2] for places in wide}
    return TransitionTiming(generated=tuple(sorted({*timing.generated, *added})), shown=timing.shown)


def without_unused(timing: TransitionTiming) -> TransitionTiming:
    """Leave out generated positions that no frame needs."""
    needed = {end for position in timing.shown for end in timing.neighbors(position)}
    return TransitionTiming(generated=tuple(position for position in timing.generated if position in needed), shown=timing.shown)
