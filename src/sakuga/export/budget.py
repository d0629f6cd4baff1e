"""GIF under a size limit: first fewer colors, then fewer frames, then a smaller size."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path

from sakuga.export.gif import MAX_COLORS, write_gif
from sakuga.export.limits import LIMITS
from sakuga.export.target import ExportError
from sakuga.export.timing import FrameStream
from sakuga.finishing.image import Image
from sakuga.finishing.resize import enlarge

COLORS = (128, 64, 32)
RATE_DIVISORS = (2, 3, 4)
MIN_RATE = 4
"""Frames per second; fewer look like no motion."""
SCALES = (Fraction(3, 4), Fraction(1, 2), Fraction(3, 8), Fraction(1, 4))
MIN_SIDE = 32
"""Pixels of the shorter side."""

_LIMITS = LIMITS[".gif"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reduction:
    """One step down for the whole clip."""

    colors: int = MAX_COLORS
    rate: Fraction | None = None
    """Frames per second; None keeps every image."""
    scale: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _ReducedImages(Iterable[Image]):
    """Every n-th image n times as long, scaled down."""

    clip: FrameStream
    every: int
    size: tuple[int, int]

    def __iter__(self) -> Iterator[Image]:
        shown: Image | None = None
        for place, image in enumerate(self.clip.images):
            if shown is None or place % self.every == 0:
                shown = image if self.size == self.clip.size else enlarge(image, *self.size)
            yield shown


def write_gif_within(clip: FrameStream, path: Path, most: int) -> tuple[str, ...]:
    """Write a GIF of at most `most` bytes.

    Returns a note of what was reduced, if anything. Raises ExportError where even the smallest version is too large.
    """
    size = first = smallest = write_gif(clip, path)
    step = _Reduction()
    steps = _reductions(clip)
    while size > most:
        lower = next(steps, None)
        if lower is None:
            raise ExportError(f"the clip does not fit into {_megabytes(most)}: its smallest GIF has {_megabytes(smallest)}")
        step = lower
        size = write_gif(_reduced(clip, step), path, step.colors, lenient=True)
        smallest = min(smallest, size)
    return (_note(clip, step, first, most),) if step != _Reduction() else ()


def _reductions(clip: FrameStream) -> Iterator[_Reduction]:
    step = _Reduction()
    for colors in COLORS:
        yield (step := replace(step, colors=colors))
    shown = _shown_rate(clip)
    for divisor in RATE_DIVISORS:
        if shown / divisor >= MIN_RATE:
            yield (step := replace(step, rate=shown / divisor))
    for scale in SCALES:
        if min(clip.size) * scale >= MIN_SIDE:
            yield (step := replace(step, scale=scale))


def _shown_rate(clip: FrameStream) -> Fraction:
    """Return the distinct images per second; holds do not count."""
    return sum(1 for _ in _LIMITS.timed(clip)) / clip.seconds


def _reduced(clip: FrameStream, step: _Reduction) -> FrameStream:
    """Show fewer images longer, all scaled down; the clip's length stays."""
    every = ceil(clip.rate / step.rate) if step.rate else 1
    width, height = (max(1, round(side * step.scale)) for side in clip.size)
    return replace(clip, images=_ReducedImages(clip=clip, every=every, size=(width, height)), size=(width, height))


def _note(clip: FrameStream, step: _Reduction, first: int, most: int) -> str:
    parts = [f"{step.colors} colors instead of {MAX_COLORS}"]
    if step.rate:
        parts.append(f"{float(step.rate):.3g} frames per second instead of {float(_shown_rate(clip)):.3g}")
    if step.scale < 1:
        width, height = (max(1, round(side * step.scale)) for side in clip.size)
        parts.append(f"{width}x{height} pixels instead of {clip.size[0]}x{clip.size[1]}")
    return f"to stay under {_megabytes(most)} (it had {_megabytes(first)}): {', '.join(parts)}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.3g} MB" if count >= 100_000 else f"{count / 1e3:.3g} KB"
