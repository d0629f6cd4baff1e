"""Motion windows of a shot.

A shot is denoised in windows at the adapter's own frame rate; the frames of the film lie between. A window after the first is given the
last frames of the one before. A transition is a window that is given both its ends.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from sakuga.timeline.camera import round6
from sakuga.timeline.spec import (
    AppliedMotion,
    Digest,
    FrameSpec,
    GivenFrame,
    InBetween,
    InBetweenMethod,
    MotionFrame,
    MotionKey,
    MotionWindow,
)

LONGEST = 64
"""Most frames of a window in several contexts; a longer shot takes several windows, so that memory does not grow with length."""
SHORTEST = 8
"""Fewest frames of a shot's window; what a shorter shot does not show is left over, as an adapter draws fewer frames badly."""
CARRIED = 4
"""Frames of the window before that a window goes on from."""

Add = Callable[[FrameSpec], Digest]
"""Notes a spec, and returns its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionSettings:
    """How the shots of a film move."""

    motion: AppliedMotion
    fps: Fraction = Fraction(8)
    """Frames a second of the windows."""
    keyframe_strength: float = 1.0
    """Below 1.0 the first window of a shot is given its keyframe, which the image model generates, and denoises it with this strength."""

    def keyframe(self, name: Digest) -> GivenFrame:
        """Return a shot's keyframe as its first window is given it."""
        return GivenFrame(index=0, frame=name, strength=self.keyframe_strength)

    @property
    def from_keyframe(self) -> bool:
        """Whether a shot begins with its keyframe."""
        return self.keyframe_strength < 1.0

    @property
    def longest(self) -> int:
        """Most frames of a window that goes on from the one before.

        An adapter that is trained with given frames takes one context: several in one window do not see each other, and drift apart.
        """
        return max(self.motion.context, CARRIED + SHORTEST) if self.from_keyframe else LONGEST


@dataclass(frozen=True, slots=True)
class Track:
    """Frames at known moments; those between are interpolated.

    Moments are counted in frames of the film, and may be fractions.
    """

    known: tuple[tuple[Fraction, Digest], ...]
    """In order of time."""
    method: InBetweenMethod = "flow"

    def at(self, moment: Fraction, add: Add) -> Digest:
        """Return the frame at a moment: a known one, or an in-between."""
        before = max((one for one in self.known if one[0] <= moment), default=self.known[0])
        after = min((one for one in self.known if one[0] >= moment), default=self.known[-1])
        if before[0] >= after[0]:
            return before[1]
        at = round6(float((moment - before[0]) / (after[0] - before[0])))
        return add(InBetween(first=before[1], second=after[1], at=at, method=self.method))

    def moved(self, by: int) -> "Track":
        """Return the track at another time."""
        return Track(tuple((moment + by, name) for moment, name in self.known), self.method)

    def until(self, end: Fraction, add: Add) -> "Track":
        """Return the track up to a moment."""
        return Track((*(one for one in self.known if one[0] < end), (end, self.at(end, add))), self.method)


def windows_over(
    start: Fraction,
    stop: Fraction,
    step: Fraction,
    window_at: Callable[[Fraction], MotionWindow],
    longest: int,
    add: Add,
    first_frame: GivenFrame | None = None,
) -> list[tuple[Fraction, Digest]]:
    """Lay windows over a shot from one moment to another, and return their frames by their moments.

    `step` is the time from one frame of a window to the next. `window_at` returns the settings of a window that begins at a moment; its
    keys lie at frames of the film. The last frame is at `stop`, or half a step from it. `first_frame` is given to the first window.
    Where it has a strength, frames that a window carries on have it, too, and cross-fade to how that window draws them: the tint does not
    step.
    """
    count = max(SHORTEST, round((stop - start) / step) + 1)
    strength = first_frame.strength if first_frame else 0.0
    known: list[tuple[Fraction, Digest]] = [] if first_frame is None or first_frame.strength else [(start, first_frame.frame)]
    while len(known) < count:
        carried = known[-CARRIED:]
        first = len(known) - len(carried)
        like = window_at(start + len(known) * step)
        window = replace(
            like,
            frames=min(longest, count - first),
            keys=shifted(like.keys, start + first * step, step),
            seed=like.seed + first,
            given=tuple(GivenFrame(index=index, frame=name, strength=strength) for index, (_, name) in enumerate(carried)),
        )
        if first_frame and not known:
            window = replace(window, given=(first_frame,))
        if strength:
            known[first:] = [(moment, add(fade)) for moment, fade in _cross_fades(carried, window, add)]
        names = [add(MotionFrame(window=window, index=index)) for index in range(len(carried), window.frames)]
        known += [(start + (len(known) + index) * step, name) for index, name in enumerate(names)]
    return known


def _cross_fades(carried: Sequence[tuple[Fraction, Digest]], window: MotionWindow, add: Add) -> Iterator[tuple[Fraction, InBetween]]:
    """Yield what goes from the frames that a window carries on to how it draws them."""
    for index, (moment, before) in enumerate(carried):
        drawn = add(MotionFrame(window=window, index=index))
        yield moment, InBetween(first=before, second=drawn, at=round6((index + 1) / (len(carried) + 1)), method="crossfade")


def bridge(before: Track, after: Track, step: Fraction, like: MotionWindow, add: Add) -> list[tuple[Fraction, Digest]]:
    """Lay a window from the last frame of a track to the first of the next, and return the frames between.

    It is given two frames at either end where there are as many, so that it takes up their motion.
    """
    left, right = before.known[-1][0], after.known[0][0]
    steps = max(1, round((right - left) / step))
    spacing = (right - left) / steps
    given: dict[int, Digest] = {0: before.at(left, add), steps: after.at(right, add)}
    if len(before.known) > 1:
        given[-1] = before.at(left - spacing, add)
    if len(after.known) > 1:
        given[steps + 1] = after.at(right + spacing, add)
    first = min(given)
    window = replace(
        like,
        frames=max(given) - first + 1,
        keys=shifted(like.keys, left + first * spacing, spacing),
        given=tuple(GivenFrame(index=index - first, frame=given[index]) for index in sorted(given)),
    )
    return [(left + index * spacing, add(MotionFrame(window=window, index=index - first))) for index in range(1, steps)]


def closed_window(start: Fraction, stop: Fraction, step: Fraction, like: MotionWindow, add: Add) -> list[tuple[Fraction, Digest]]:
    """Lay a window over a shot that goes on from its last frame to its first, and return its frames by their moments.

    Its contexts wrap around, and are shorter than the window, so that no joint stays in one place. The first frame comes again at `stop`.
    """
    count = max(SHORTEST, round((stop - start) / step))
    spacing = (stop - start) / count
    context = min(like.motion.context, max(2, count * 3 // 4))
    motion = replace(like.motion, context=context, overlap=min(like.motion.overlap, context // 2), closed=True)
    window = replace(like, frames=count, motion=motion, keys=_returning(shifted(like.keys, start, spacing), count))
    given = {one.index: one.frame for one in window.given if not one.strength}
    names = [given.get(index) or add(MotionFrame(window=window, index=index)) for index in range(count)]
    return [(start + index * spacing, names[index % count]) for index in range(count + 1)]


def _returning(keys: tuple[MotionKey, ...], end: int) -> tuple[MotionKey, ...]:
    """Let prompts travel back to the first of them by the end."""
    return (*keys, replace(keys[0], frame=float(end))) if len(keys) > 1 and keys[-1].frame < end else keys


def shifted(keys: Sequence[MotionKey], start: Fraction, step: Fraction) -> tuple[MotionKey, ...]:
    """Count the frames of keys from the start of a window, in its steps; a single key counts everywhere."""
    if len(keys) == 1:
        return (replace(keys[0], frame=0.0),)
    return tuple(replace(key, frame=round6(float((Fraction(key.frame) - start) / step))) for key in keys)
