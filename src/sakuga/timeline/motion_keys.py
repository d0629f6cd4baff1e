"""The conditioning of each frame of a motion window."""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from sakuga.timeline.spec import Conditioning, Interpolated, MotionKey
from sakuga.timeline.timing import apply_easing


def conditioning_at(keys: Sequence[MotionKey], frame: float) -> Conditioning:
    """Return the conditioning at a frame: that of a key, or interpolated between two.

    Before the first key it is the first's, after the last the last's.
    """
    after = bisect_right(keys, frame, key=attrgetter("frame"))
    if after == 0 or after == len(keys):
        return keys[max(0, after - 1)].conditioning
    first, second = keys[after - 1], keys[after]
    at = apply_easing((frame - first.frame) / (second.frame - first.frame), second.ease)
    if not at or first.conditioning == second.conditioning:
        return first.conditioning
    return Interpolated(first=first.conditioning, second=second.conditioning, at=round(at, 6))
