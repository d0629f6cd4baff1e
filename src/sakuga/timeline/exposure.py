"""The exposure sheet as rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Literal

from sakuga.story.storyboard import Storyboard, full_prompt
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.spec import CameraFrame, Digest, InBetween
from sakuga.timeline.timing import Span, frame_spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """One frame of a film."""

    frame: int
    """Counted from 1."""
    shot: int
    """Counted from 1."""
    start: Fraction
    """Seconds from the start of the film, exactly."""
    timecode: str
    kind: Literal["generated", "in_between", "hold"]
    """A hold repeats the frame before."""
    digest: Digest
    """The frame that is shown, without the camera's move over it."""
    prompt: str
    """The shot's full prompt."""


def exposures(storyboard: Storyboard, sheet: ExposureSheet, rate: Fraction) -> Iterator[Exposure]:
    """List every frame of a film.

    A cut to the same image counts as a hold.
    """
    last: Digest | None = None
    for index, span in enumerate(shot_spans(storyboard, rate)):
        prompt = full_prompt(storyboard, index)
        for place in range(span.start, span.stop):
            name = sheet.exposures[place]
            digest = _without_camera(sheet, name)
            kind: Literal["generated", "in_between"] = "in_between" if isinstance(sheet.specs[digest], InBetween) else "generated"
            yield Exposure(
                frame=place + 1,
                shot=index + 1,
                start=place / rate,
                timecode=timecode(place, rate),
                kind="hold" if name == last else kind,
                digest=digest,
                prompt=prompt,
            )
            last = name


def _without_camera(sheet: ExposureSheet, name: Digest) -> Digest:
    """Return the frame that a camera sees, or the frame itself."""
    spec = sheet.specs[name]
    return spec.frame if isinstance(spec, CameraFrame) else name


def shot_spans(storyboard: Storyboard, rate: Fraction) -> list[Span]:
    """Return the span of frames of each shot."""
    return frame_spans((shot.seconds for shot in storyboard.shots), rate)


def timecode(frame: int, rate: Fraction) -> str:
    """Format a frame, counted from 0, as hours:minutes:seconds:frames.

    Fractional rates count up to the next whole one (SMPTE ST 12-1, non-drop).

    >>> timecode(24 * 60, Fraction(24000, 1001))
    '00:01:00:00'
    """
    count = max(1, ceil(rate))
    seconds, frames = divmod(frame, count)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}:{frames:02}"
