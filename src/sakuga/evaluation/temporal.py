"""How a clip holds together in time: curves with one value for each frame, NaN where there is none."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from sakuga.evaluation.figure import Outcome, Refused, ScoreError, along
from sakuga.evaluation.interval import Values
from sakuga.evaluation.similarity import same_size
from sakuga.finishing.color_match import lab_distance
from sakuga.finishing.flow import SURE_SHARE, fetched, pair
from sakuga.finishing.image import Picture
from sakuga.finishing.inbetweens import flowed

LEAST = 3


def course(key: str, curve: Values, *, note: str = "") -> Outcome:
    """Return the mean of a curve where it has values."""
    measured = curve[np.isfinite(curve)]
    if not measured.size:
        return Refused(key=key, reason="no frame goes on from the one before", instead="measure a clip without so many cuts")
    return along(key, measured, note=note)


def check_clip(frames: Sequence[Picture]) -> None:
    """Refuse a clip that has no course: fewer than three frames, or frames of different sizes; raises ScoreError."""
    if len(frames) < LEAST:
        raise ScoreError(f"a clip of {len(frames)} frames has no course to measure: give one of {LEAST} or more")
    same_size(frames, called="frame")


def flicker(frames: Sequence[Picture]) -> Values:
    """Return how much of the step to each frame motion does not explain, in grey levels (Lai et al. 2018, equation 5, as a mean).

    Each frame is fetched along the flow from the one before, and differences are taken where the flow comes back to where it began
    (Sundaram et al. 2010, equation 5), so what is uncovered or leaves does not count. NaN for the first, and at cuts, where less than
    half of the picture is found again.
    """
    check_clip(frames)
    return np.array([np.nan, *(_unexplained(before, after) for before, after in pairwise(frames))])


def _unexplained(before: Picture, after: Picture) -> float:
    if np.array_equal(before, after):
        return 0.0
    measured = pair(before, after)
    there = measured.forward.flow
    returned = fetched(measured.backward.flow, there)
    allowed = 0.01 * (np.square(there).sum(axis=-1) + np.square(returned).sum(axis=-1)) + 0.5
    found = np.square(there + returned).sum(axis=-1) <= allowed
    if measured.sure < SURE_SHARE or not found.any():
        return float("nan")
    gap = np.abs(fetched(after.astype(np.float32), there) - before.astype(np.float32)).mean(axis=-1)
    return float(gap[found].mean())


def judder(frames: Sequence[Picture]) -> Values:
    """Return how far each frame is from the in-between of its neighbours, in grey levels (after Huang et al. 2024, motion smoothness).

    Smooth motion is told by its neighbours; a jump, a frame that is held or one that is drawn otherwise is not. NaN for the two ends.
    """
    check_clip(frames)
    inner = zip(frames, frames[1:], frames[2:], strict=False)
    strays = (np.abs(flowed(before, after)(0.5).astype(np.float32) - frame).mean() for before, frame, after in inner)
    return np.array([np.nan, *strays, np.nan])


def drift(frames: Sequence[Picture], firsts: Sequence[int] = (0,)) -> Values:
    """Return how far each frame's mean colour is from that of its shot's first frame, in Lab (CIE76; 2.3 can just be seen).

    `firsts` are the first frames of the shots; by default the clip is one shot, and all are held against frame 0.
    """
    check_clip(frames)
    from_first = [max((first for first in firsts if first <= place), default=0) for place in range(len(frames))]
    return np.array([lab_distance(frame, frames[first]) for frame, first in zip(frames, from_first, strict=True)])
