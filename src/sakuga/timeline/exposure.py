"""The exposure sheet, frame by frame: what each shows, and from where to where each shot lasts."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal

from sakuga.story.storyboard import Storyboard, prompt_of
from sakuga.timeline.chain import Sheet
from sakuga.timeline.spec import Between, Digest
from sakuga.timeline.timing import Span, spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One frame of a film."""

    frame: int
    """Counted from 1."""
    shot: int
    """Counted from 1."""
    start: Fraction
    """Seconds from the film's beginning, exactly."""
    timecode: str
    kind: Literal["drawn", "between", "hold"]
    """A hold shows the picture of the frame before."""
    digest: Digest
    prompt: str
    """The shot's whole prompt."""


def exposures(storyboard: Storyboard, sheet: Sheet, rate: Fraction) -> Iterator[Exposure]:
    """List every frame of a film; a cut to the same picture counts as a hold."""
    last: Digest | None = None
    for index, span in enumerate(shot_spans(storyboard, rate)):
        prompt = prompt_of(storyboard, index)
        for place in range(span.start, span.stop):
            digest = sheet.exposures[place]
            made: Literal["drawn", "between"] = "between" if isinstance(sheet.specs[digest], Between) else "drawn"
            yield Exposure(
                frame=place + 1,
                shot=index + 1,
                start=place / rate,
                timecode=timecode(place, rate),
                kind="hold" if digest == last else made,
                digest=digest,
                prompt=prompt,
            )
            last = digest


def shot_spans(storyboard: Storyboard, rate: Fraction) -> list[Span]:
    """Return the frames of each shot."""
    return spans((shot.seconds for shot in storyboard.shots), rate)


def timecode(frame: int, rate: Fraction) -> str:
    """Name a frame, counted from 0, hours:minutes:seconds:frames; of a broken rate, the whole one above counts (SMPTE ST 12-1, non-drop).

    >>> timecode(24 * 60, Fraction(24000, 1001))
    '00:01:00:00'
    """
    count = max(1, ceil(rate))
    seconds, frames = divmod(frame, count)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frames:02}"
