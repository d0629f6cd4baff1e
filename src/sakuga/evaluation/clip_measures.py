"""Motion and labels of clips of one size and length."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sakuga.diffusion.context_windows import context_windows
from sakuga.evaluation.confidence import Values
from sakuga.evaluation.motion_smoothness import loop_gap, steps
from sakuga.evaluation.score import Progress
from sakuga.evaluation.temporal import flow_curves
from sakuga.evaluation.video_distance import FrameFeatures
from sakuga.finishing.color_match import lab_difference
from sakuga.models.classifier import classify
from sakuga.models.image_tensors import Images
from sakuga.sketchbook.label_codes import ATTRIBUTES, Codes

Clips: TypeAlias = Sequence[Images]
"""(frames, height, width, 3) each."""
IDENTITY = ("subject", "person", "hair", "hair_length", "dress")
"""Attributes of what a clip is about: the subject of a landscape, the rest of a portrait."""
SCENE = ("time", "weather", "place")
NAMES = list(ATTRIBUTES)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipMeasures:
    """What was measured on n clips; NaN where optical flow finds nothing again."""

    flicker: Values  # (n,), grey levels
    motion: Values  # (n,), percent of the width a frame
    step: Values  # (n,), Lab
    codes: NDArray[np.int64]  # (n, frames, attributes)
    features: FrameFeatures  # (n, frames, features)


def measure_clips(clips: Clips, classifier: Any) -> Generator[Progress, None, ClipMeasures]:
    """Measure clips of one length."""
    rows, codes, features = [], [], []
    for done, clip in enumerate(clips, 1):
        curves = flow_curves(list(clip))
        rows.append((_known_mean(curves.flicker), _known_mean(curves.motion), float(np.mean(steps(clip, lab_difference)))))
        read, seen = classify(classifier, clip)
        codes.append(read)
        features.append(seen)
        yield Progress(doing="measuring", done=done, total=len(clips))
    flicker, motion, step = np.array(rows).T
    return ClipMeasures(flicker=flicker, motion=motion, step=step, codes=np.stack(codes), features=np.stack(features))


def _known_mean(curve: Values) -> float:
    known = curve[np.isfinite(curve)]
    return float(known.mean()) if known.size else float("nan")


def identity_attributes(stated: Codes) -> tuple[str, ...]:
    """Return the attributes of IDENTITY that count for a clip, by the codes of its true labels."""
    return IDENTITY[:1] if stated[NAMES.index("portrait")] == 0 else IDENTITY[1:]


def labels_kept(codes: Codes, attributes: Sequence[str]) -> list[bool]:
    """Return for each attribute whether all frames of a clip show what the first one does.

    `codes` is (frames, attributes).
    """
    columns = codes[:, [NAMES.index(name) for name in attributes]]
    kept: list[bool] = (columns == columns[:1]).all(axis=0).tolist()
    return kept


def labels_shown(codes: Codes, stated: Codes, attributes: Sequence[str]) -> list[float]:
    """Return for each attribute that a caption states the share of frames that show it."""
    columns = [NAMES.index(name) for name in attributes if stated[NAMES.index(name)] >= 0]
    return [float((codes[:, column] == stated[column]).mean()) for column in columns]


def joint_steps(frames: int, context: int, overlap: int) -> list[int]:
    """Return the steps at which one context of a clip hands over to the next.

    Step i leads from frame i - 1 to frame i; at a joint one of them is in two contexts or more.

    >>> joint_steps(28, 16, 4)
    [12, 13, 14, 15, 16]
    """
    windows = context_windows(frames, context, overlap)
    shared = [sum(frame in window for window in windows) > 1 for frame in range(frames)]
    return [step for step in range(1, frames) if shared[step - 1] or shared[step]]


def joint_ratio(clip: Images, joints: Sequence[int]) -> float:
    """Return the mean step at the joints over the mean of all others, in Lab; NaN for a still."""
    moved = np.array(steps(clip, lab_difference))
    at_joint = np.isin(np.arange(1, len(clip)), joints)
    elsewhere = moved[~at_joint].mean()
    return float(moved[at_joint].mean() / elsewhere) if elsewhere else float("nan")


def closing_gap(clip: Images) -> float:
    """Return the step from the last frame to the first over the median step, in Lab; NaN for a still."""
    gap = loop_gap(steps(clip, lab_difference), lab_difference(clip[-1], clip[0]))
    return float("nan") if gap is None else gap
