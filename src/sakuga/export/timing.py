"""Exact frame rates to whole clock ticks, frame by frame."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from math import floor

import numpy as np

from sakuga.finishing.image import Image
from sakuga.timeline.clip import Clip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TimedImage:
    """An image and how many ticks it is shown for."""

    image: Image
    ticks: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameStream:
    """A clip whose images are read while it is written."""

    images: Iterable[Image]
    """One for each frame. Videos and folders read them once, other formats several times."""
    count: int
    """How many frames there are."""
    size: tuple[int, int]
    """Width and height in pixels."""
    rate: Fraction
    """Frames per second."""
    recipe: str = ""
    numbers: Sequence[int] = ()
    """Frame numbers in names of a folder or sequence; 1 and on where there are none."""

    @property
    def seconds(self) -> Fraction:
        """Return the length in seconds."""
        return self.count / self.rate


def stream_of(clip: Clip) -> FrameStream:
    """Return the stream of a clip in memory."""
    images = [frame.image for frame in clip.frames]
    return FrameStream(images=images, count=len(images), size=clip.size, rate=clip.rate, recipe=clip.recipe)


def spread_ticks(count: int, rate: Fraction, ticks: int | Fraction) -> list[int]:
    """Share out clock ticks over frames, exact in total.

    There are `ticks` per second.

    >>> spread_ticks(6, Fraction(12), 100)
    [8, 9, 8, 8, 9, 8]
    """
    return list(islice(frame_ticks(rate, ticks), count))


def frame_ticks(rate: Fraction, ticks: int | Fraction) -> Iterator[int]:
    """Yield each frame's ticks, without end.

    Each edge is rounded from its exact place.
    """
    start, index = 0, 0
    while True:
        index += 1
        stop = floor(Fraction(index * ticks) / rate + Fraction(1, 2))
        yield stop - start
        start = stop


def timed_images(images: Iterable[Image], rate: Fraction, ticks: int | Fraction, min_ticks: int = 1) -> Iterator[TimedImage]:
    """Yield the images of a clip with their ticks.

    Equal neighbors are merged. An image that is shown for fewer than `min_ticks` takes the time of the next one, which is left out.
    """
    held: TimedImage | None = None
    for image, length in zip(images, frame_ticks(rate, ticks), strict=False):
        if held and (held.ticks < min_ticks or held.image is image or np.array_equal(held.image, image)):
            held = replace(held, ticks=held.ticks + length)
            continue
        if held:
            yield held
        held = TimedImage(image=image, ticks=length)
    if held:
        yield held
