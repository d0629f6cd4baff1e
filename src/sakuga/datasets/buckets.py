"""Aspect-ratio buckets: the sizes that pictures of one set are brought to, so that little of each is cut and batches stay even.

The sizes are those of the usual trainers (NovelAI, "Aspect ratio bucketing", 2022; kohya's sd-scripts): every width in whole steps with
the greatest height that keeps the area at or under that of the square.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from sakuga import InputError

Bucket = tuple[int, int]
"""Width and height in pixels."""
CENTRE = (0.5, 0.5)
NARROWEST = 2
"""A side is at least the square's divided by this, and at most the square's times this."""


class BucketError(InputError, ValueError):
    """Sizes that no bucket can have; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A part of a picture in pixels: from (left, top) on, up to but without (right, bottom)."""

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
        """Return how much of a picture of that size lies within, 0 to 1."""
        return self.width * self.height / (width * height)


def buckets(size: int, step: int = 64) -> list[Bucket]:
    """List the buckets of a training size, from the tallest to the widest; the square (size, size) is among them.

    Sides are multiples of `step` between size / 2 and 2 size, and no area is over size². Raises BucketError.

    >>> buckets(512, 128)
    [(256, 1024), (256, 896), (256, 768), (384, 640), (512, 512), (640, 384), (768, 256), (896, 256), (1024, 256)]
    """
    if step < 1 or size < step:
        raise BucketError(f"size {size} in steps of {step} gives no bucket: choose a size of at least one step")
    if size % step:
        raise BucketError(f"size {size} is no multiple of {step}: choose {size // step * step} or {(size // step + 1) * step}")
    least, most = -(-size // NARROWEST // step) * step, NARROWEST * size
    wide = [(width, min(most, size * size // width // step * step)) for width in range(size, most + 1, step)]
    kept = [(width, height) for width, height in wide if height >= least]
    tall = [(height, width) for width, height in kept]
    return sorted({*tall, *kept}, key=lambda bucket: (bucket[0] / bucket[1], bucket))


def bucket_of(width: int, height: int, buckets: Sequence[Bucket]) -> Bucket:
    """Return the bucket whose shape is nearest to a picture's: by the ratio of the ratios, so that tall and wide count alike.

    Of buckets of one shape it is the largest.

    >>> bucket_of(1920, 1080, buckets(512, 64))
    (640, 384)
    """
    if width < 1 or height < 1 or not buckets:
        raise BucketError(f"a picture of {width}x{height} pixels has no bucket among {len(buckets)}")
    return min(buckets, key=lambda bucket: (round(abs(log(width * bucket[1] / (height * bucket[0]))), 9), -bucket[0] * bucket[1]))


def crop_box(width: int, height: int, bucket: Bucket, focus: tuple[float, float] = CENTRE) -> Box:
    """Return the largest part of a picture that has the shape of a bucket; it is then resized to the bucket.

    `focus` is a point in shares of width and height, 0 to 1: it comes as near to the middle of the part as the picture's edges allow.
    Only one side is ever cut, and to the nearest pixel.

    >>> crop_box(300, 100, (64, 64), focus=(0.9, 0.5))
    Box(left=200, top=0, right=300, bottom=100)
    """
    if width < 1 or height < 1 or min(bucket) < 1:
        raise BucketError(f"a picture of {width}x{height} pixels cannot be cut to {bucket[0]}x{bucket[1]}")
    kept = (min(width, max(1, round(height * bucket[0] / bucket[1]))), min(height, max(1, round(width * bucket[1] / bucket[0]))))
    left, top = (
        min(max(0, round(point * side - part / 2)), side - part) for point, side, part in zip(focus, (width, height), kept, strict=True)
    )
    return Box(left=left, top=top, right=left + kept[0], bottom=top + kept[1])


def usual_step(size: int) -> int:
    """Return the step of bucket sides that is usual for a training size: 64 pixels, and 8 for models that draw small pictures."""
    return 64 if size >= 384 else 8
