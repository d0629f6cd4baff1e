"""A GIF that stays under so many bytes: first fewer colours, then fewer frames a second, then a smaller picture."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path

from sakuga.export.gif import LEAST, MOST_COLOURS, TICKS, encoded_gif
from sakuga.export.target import ExportError
from sakuga.export.timing import stills
from sakuga.finishing.resize import enlarge
from sakuga.timeline.clip import Clip

COLOURS = (128, 64, 32)
SLOWER = (2, 3, 4)
"""Frames a second, as parts of what they were."""
SLOWEST = 4
"""Fewer frames a second are no motion."""
SMALLER = (Fraction(3, 4), Fraction(1, 2), Fraction(3, 8), Fraction(1, 4))
SMALLEST = 32
"""Pixels of the shorter side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rung:
    """One step down: what the whole clip is lowered to."""

    colours: int = MOST_COLOURS
    rate: Fraction | None = None
    """Frames a second; None keeps every picture."""
    scale: Fraction = Fraction(1)


def write_gif_within(clip: Clip, path: Path, most: int) -> tuple[str, ...]:
    """Write a GIF of at most `most` bytes, lowering no more than it must; says what was lowered, a sentence or nothing.

    Raises ExportError where even the lowest is too large.
    """
    encoded = encoded_gif(clip)
    first = smallest = len(encoded)
    rung = _Rung()
    rungs = _rungs(clip)
    while len(encoded) > most:
        lower = next(rungs, None)
        if lower is None:
            raise ExportError(f"the clip cannot be brought under {_megabytes(most)}: the smallest GIF of it has {_megabytes(smallest)}")
        rung = lower
        encoded = encoded_gif(_lowered(clip, rung), rung.colours, lenient=True)
        smallest = min(smallest, len(encoded))
    path.write_bytes(encoded)
    return (_told(clip, rung, first, most),) if rung != _Rung() else ()


def _rungs(clip: Clip) -> Iterator[_Rung]:
    rung = _Rung()
    for colours in COLOURS:
        yield (rung := replace(rung, colours=colours))
    shown = _shown_rate(clip)
    for slower in SLOWER:
        if shown / slower >= SLOWEST:
            yield (rung := replace(rung, rate=shown / slower))
    for scale in SMALLER:
        if min(clip.size) * scale >= SMALLEST:
            yield (rung := replace(rung, scale=scale))


def _shown_rate(clip: Clip) -> Fraction:
    """Count the different pictures a second, which holds do not add to."""
    return sum(1 for _ in stills(clip, TICKS, LEAST)) / clip.seconds


def _lowered(clip: Clip, rung: _Rung) -> Clip:
    """Show every n-th picture for n times as long, and all of them smaller; the clip's length stays."""
    every = ceil(clip.rate / rung.rate) if rung.rate else 1
    width, height = (max(1, round(side * rung.scale)) for side in clip.size)
    kept = {place: clip.frames[place] for place in range(0, len(clip.frames), every)}
    if rung.scale < 1:
        kept = {place: replace(frame, picture=enlarge(frame.picture, width, height)) for place, frame in kept.items()}
    return replace(clip, frames=tuple(kept[place - place % every] for place in range(len(clip.frames))))


def _told(clip: Clip, rung: _Rung, first: int, most: int) -> str:
    said = [f"{rung.colours} colours instead of {MOST_COLOURS}"]
    if rung.rate:
        said.append(f"{float(rung.rate):.3g} frames a second instead of {float(_shown_rate(clip)):.3g}")
    if rung.scale < 1:
        width, height = (max(1, round(side * rung.scale)) for side in clip.size)
        said.append(f"{width}x{height} pixels instead of {clip.size[0]}x{clip.size[1]}")
    return f"to stay under {_megabytes(most)} (it had {_megabytes(first)}): {', '.join(said)}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.3g} MB" if count >= 100_000 else f"{count / 1e3:.3g} KB"
