"""Aspect-ratio buckets, so that little of each image is cropped.

The sizes are those of kohya's sd-scripts (NovelAI, "Aspect ratio bucketing", 2022): every width in whole steps with the greatest height
that keeps the area at or under that of the square.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

from sakuga import InputError

Bucket = tuple[int, int]
"""Width and height in pixels."""
Focus = Literal["face", "centre"]
"""What to center crops on: the largest face (else the finest detail), or the middle."""
CENTER = (0.5, 0.5)
MAX_STRETCH = 2
"""The largest ratio between a bucket's side and the square's, either way."""


class BucketError(InputError, ValueError):
    """A size that no bucket can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in pixels: (left, top) inclusive, (right, bottom) exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def share_of(self, width: int, height: int) -> float:
        """Return the share of an image inside, 0 to 1."""
        return self.width * self.height / (width * height)


def buckets(size: int, step: int = 64) -> list[Bucket]:
    """List the buckets of a training size, tallest first.

    The square is included.
    Sides are multiples of `step` between size / 2 and 2 size, and no area is over size². Raises BucketError.

    >>> buckets(512, 128)
    [(256, 1024), (256, 896), (256, 768), (384, 640), (512, 512), (640, 384), (768, 256), (896, 256), (1024, 256)]
    """
    if step < 1 or size < step:
        raise BucketError(f"size {size} with step {step} gives no bucket: choose a size of at least one step")
    if size % step:
        raise BucketError(f"size {size} is not a multiple of {step}: choose {size // step * step} or {(size // step + 1) * step}")
    least, most = -(-size // MAX_STRETCH // step) * step, MAX_STRETCH * size
    wide = [(width, min(most, size * size // width // step * step)) for width in range(size, most + 1, step)]
    landscape = [(width, height) for width, height in wide if height >= least]
    portrait = [(height, width) for width, height in landscape]
    return sorted({*portrait, *landscape}, key=lambda bucket: (bucket[0] / bucket[1], bucket))


def nearest_bucket(width: int, height: int, buckets: Sequence[Bucket]) -> Bucket:
    """Return the bucket of the nearest aspect ratio.

    Distance is the log ratio; of equal ones the largest wins.

    >>> nearest_bucket(1920, 1080, buckets(512, 64))
    (640, 384)
    """
    if width < 1 or height < 1 or not buckets:
        raise BucketError(f"an image of {width}x{height} pixels has no bucket among {len(buckets)}")
    return min(buckets, key=lambda bucket: (round(abs(log(width * bucket[1] / (height * bucket[0]))), 9), -bucket[0] * bucket[1]))


def crop_box(width: int, height: int, bucket: Bucket, focus: tuple[float, float] = CENTER) -> Box:
    """Return the largest crop of a bucket's aspect ratio.

    It is centered on `focus` as far as the edges allow.
    `focus` is a point in shares of width and height, 0 to 1. Only one side is cropped, to the nearest pixel.

    >>> crop_box(300, 100, (64, 64), focus=(0.9, 0.5))
    Box(left=200, top=0, right=300, bottom=100)
    """
    if width < 1 or height < 1 or min(bucket) < 1:
        raise BucketError(f"an image of {width}x{height} pixels cannot be cropped to {bucket[0]}x{bucket[1]}")
    size = (min(width, max(1, round(height * bucket[0] / bucket[1]))), min(height, max(1, round(width * bucket[1] / bucket[0]))))
    left, top = (
        min(max(0, round(point * side - part / 2)), side - part) for point, side, part in zip(focus, (width, height), size, strict=True)
    )
    return Box(left=left, top=top, right=left + size[0], bottom=top + size[1])


def default_step(size: int) -> int:
    """Return the default step of bucket sides in pixels.

    64, or 8 below a size of 384.
    """
    return 64 if size >= 384 else 8
