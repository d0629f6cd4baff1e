"""Frames of a clip to train on: one for each part of a second, no cut between, the sharpest, and no two alike."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.datasets.clips import stream_clip
from sakuga.datasets.image_checks import measure_blur
from sakuga.datasets.near_duplicates import Fingerprint, fingerprint, group_duplicates
from sakuga.timeline.clip import Image

THUMBNAIL, MEASURED = 16, 512
"""Sides in pixels of what frames are compared by, and of the largest image that blur is measured on."""
LEAST_CUT, CUT_RATIO, AROUND = 14.0, 3.0, 4
"""A cut changes the thumbnail by so many grey levels or more, and so many times the median of the steps around it, so many on each side."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipFrame:
    """What is known of a frame without its pixels."""

    second: Fraction
    thumbnail: NDArray[np.float32]
    blur: float
    fingerprint: Fingerprint


def measure_frames(path: Path) -> Iterator[ClipFrame]:
    """Yield what is known of each frame of a clip; raises ImageError."""
    for second, image in stream_clip(path):
        thumbnail = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32)
        yield ClipFrame(second=second, thumbnail=thumbnail, blur=measure_blur(_shrunk(image)), fingerprint=fingerprint(image))


def _shrunk(image: Image) -> Image:
    share = MEASURED / max(image.shape[:2])
    return image if share >= 1 else cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)


def find_cuts(frames: Sequence[ClipFrame]) -> list[int]:
    """Return the frames with which a new scene begins, without the first one.

    A cut is a change that is large, and far larger than those around it, as in PySceneDetect's adaptive detector: a fast pan, a fade or a
    morph is none.
    """
    pairs = pairwise(frames)
    steps = np.array([float(np.abs(after.thumbnail - before.thumbnail).mean()) for before, after in pairs])
    return [place + 1 for place, step in enumerate(steps) if step >= LEAST_CUT and step >= CUT_RATIO * _median_around(steps, place)]


def _median_around(steps: NDArray[np.float64], place: int) -> float:
    around = np.concatenate([steps[max(0, place - AROUND) : place], steps[place + 1 : place + 1 + AROUND]])
    return float(np.median(around)) if len(around) else 0.0


def choose_frames(frames: Sequence[ClipFrame], fps: float) -> list[int]:
    """Return the frames to take, in order.

    Each scene is divided into parts of `1 / fps` seconds, of which the sharpest frame is taken; of near duplicates in the clip the
    sharpest stays.
    """
    rate, cuts = Fraction(fps).limit_denominator(1000), set(find_cuts(frames))
    scenes = list(accumulate(int(place in cuts) for place in range(len(frames))))
    starts = {scene: frames[place].second for place, scene in reversed(list(enumerate(scenes)))}
    parts: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, (frame, scene) in enumerate(zip(frames, scenes, strict=True)):
        parts[scene, int((frame.second - starts[scene]) * rate)].append(place)
    taken = [min(part, key=lambda place: frames[place].blur) for part in parts.values()]
    return _without_duplicates(frames, taken)


def _without_duplicates(frames: Sequence[ClipFrame], taken: Sequence[int]) -> list[int]:
    groups = [[taken[member] for member in group] for group in group_duplicates([frames[place].fingerprint for place in taken])]
    left_out = {place for group in groups for place in group} - {min(group, key=lambda place: frames[place].blur) for group in groups}
    return [place for place in taken if place not in left_out]


def read_frames(path: Path, places: Iterable[int]) -> Iterator[tuple[Fraction, Image]]:
    """Yield frames of a clip by their places, with their seconds."""
    wanted = set(places)
    return ((second, image) for place, (second, image) in enumerate(stream_clip(path)) if place in wanted)
