"""Temporal consistency of a clip, frame by frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sakuga.evaluation.confidence import Values
from sakuga.evaluation.metric import Measurement, MetricError, NotMeasured, along
from sakuga.evaluation.similarity import same_size
from sakuga.finishing.color_match import lab_distance
from sakuga.finishing.flow import MIN_CONFIDENCE, flow_pair, warp
from sakuga.finishing.image import Image
from sakuga.finishing.inbetweens import flow_interpolation

MIN_FRAMES = 3


def curve_mean(key: str, curve: Values, *, note: str = "") -> Measurement:
    """Return the mean of a curve's finite values."""
    measured = curve[np.isfinite(curve)]
    if not measured.size:
        return NotMeasured(key=key, reason="no frame continues the previous one", instead="measure a clip with fewer cuts")
    return along(key, measured, note=note)


def check_clip(frames: Sequence[Image]) -> None:
    """Raise MetricError for a short or mixed clip.

    Fewer than three frames, or frames of different sizes.
    """
    if len(frames) < MIN_FRAMES:
        raise MetricError(f"a clip of {len(frames)} frames is too short: give one of {MIN_FRAMES} or more")
    same_size(frames, name="frame")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlowCurves:
    """What optical flow says of each frame; NaN for the first one and at cuts."""

    flicker: Values
    """The warping error in grey levels."""
    motion: Values
    """The mean length of the flow from the previous frame, in percent of the width."""


def flicker(frames: Sequence[Image]) -> Values:
    """Return each frame's warping error in grey levels.

    Lai et al. 2018, equation 5, as a mean.

    Each frame is warped by the optical flow from the previous one; only pixels with consistent forward and backward flow count (Sundaram et
    al. 2010, equation 5), not occlusions. NaN for the first frame and at cuts, where less than half of the image is matched.
    """
    return flow_curves(frames).flicker


def flow_curves(frames: Sequence[Image]) -> FlowCurves:
    """Measure flicker and motion of each frame by the same optical flow."""
    check_clip(frames)
    steps = np.array([(np.nan, np.nan), *(_flow_step(before, after) for before, after in pairwise(frames))])
    return FlowCurves(flicker=steps[:, 0], motion=steps[:, 1])


def _flow_step(before: Image, after: Image) -> tuple[float, float]:
    """Return warping error and motion from one frame to the next."""
    if np.array_equal(before, after):
        return 0.0, 0.0
    measured = flow_pair(before, after)
    there = measured.forward.flow
    returned = warp(measured.backward.flow, there)
    allowed = 0.01 * (np.square(there).sum(axis=-1) + np.square(returned).sum(axis=-1)) + 0.5
    found = np.square(there + returned).sum(axis=-1) <= allowed
    if measured.confidence < MIN_CONFIDENCE or not found.any():
        return float("nan"), float("nan")
    gap = np.abs(warp(after.astype(np.float32), there) - before.astype(np.float32)).mean(axis=-1)
    length = np.linalg.norm(there, axis=-1)
    return float(gap[found].mean()), 100 * float(length[found].mean()) / before.shape[1]


def judder(frames: Sequence[Image]) -> Values:
    """Return each frame's judder in grey levels.

    Its difference to the in-between of its neighbours.

    After the motion smoothness of Huang et al. 2024. NaN for the first and last frame.
    """
    check_clip(frames)
    inner = zip(frames, frames[1:], frames[2:], strict=False)
    differences = (np.abs(flow_interpolation(before, after)(0.5).astype(np.float32) - frame).mean() for before, frame, after in inner)
    return np.array([np.nan, *differences, np.nan])


def drift(frames: Sequence[Image], firsts: Sequence[int] = (0,)) -> Values:
    """Return each frame's Lab color drift within its shot.

    The distance of its mean color from that of the shot's first frame.

    CIE76; 2.3 is just noticeable. `firsts` are the first frames of the shots; by default the clip is one shot.
    """
    check_clip(frames)
    from_first = [max((first for first in firsts if first <= place), default=0) for place in range(len(frames))]
    return np.array([lab_distance(frame, frames[first]) for frame, first in zip(frames, from_first, strict=True)])
