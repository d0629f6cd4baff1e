"""Metrics of generated clips against true clips of the same scenes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from sakuga.evaluation.clip_measures import (
    SCENE,
    ClipMeasures,
    closing_gap,
    identity_attributes,
    joint_ratio,
    labels_kept,
    labels_shown,
)
from sakuga.evaluation.confidence import SHARES, Values
from sakuga.evaluation.metric import Measurement, NotMeasured, mean, paired, ratio
from sakuga.evaluation.video_distance import FrameFeatures, video_distances
from sakuga.models.image_tensors import Images
from sakuga.sketchbook.label_codes import Codes

Side: TypeAlias = Literal["true", "autoencoder", "base", "adapter"]
SIDES: tuple[Side, ...] = ("true", "autoencoder", "base", "adapter")
"""True clips, their copies through the autoencoder, and those generated without and with the motion adapter."""
WORDS: Mapping[Side, str] = {
    "true": "true clips",
    "autoencoder": "true clips through the autoencoder",
    "base": "without the adapter",
    "adapter": "with the adapter",
}
RELATIVE_TO: Mapping[str, Side] = {"flicker": "autoencoder", "motion": "true", "step": "true"}
NOTES = {
    "flicker": "grey levels a frame that motion does not explain",
    "motion": "length of the optical flow in percent of the width a frame",
    "step": "Lab distance of neighbouring frames",
    "distance": "KID of clips to other true clips, by features of frames and their changes",
    "identity": "share of subjects' and persons' labels that all frames of a clip show as its first one does",
    "scene": "the same for time, weather and place",
    "stated": "share of frames that show a label that the prompt states",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredSides:
    """The same scenes as true clips, as their copies, and generated."""

    sides: Mapping[Side, ClipMeasures]
    labels: Codes  # (clips, attributes): of the true scenes
    stated: Codes  # (clips, attributes): of their prompts
    reference: FrameFeatures
    """Features of other true clips."""


def motion_metrics(measured: MeasuredSides) -> list[Measurement]:
    """Return all metrics of the sides, of their differences, and of the ratios that are asked for.

    Keys begin with the side; `more.` is adapter minus base. `ratio.` is relative to true clips for motion, to their copies for flicker, and
    to the base for the distance.
    """
    return [*_curves(measured.sides), *_labels(measured), *_distances(measured)]


def _curves(sides: Mapping[Side, ClipMeasures]) -> Iterable[Measurement]:
    for name, below in RELATIVE_TO.items():
        values = _known({side: getattr(one, name) for side, one in sides.items()})
        if not len(values["true"]):
            yield NotMeasured(key=f"adapter.{name}", reason="optical flow finds no frame in the next", instead="look at the contact sheets")
            continue
        yield from (mean(f"{side}.{name}", values[side], note=NOTES[name]) for side in SIDES)
        yield paired(f"more.{name}", values["base"], values["adapter"])
        for side in SIDES[2:]:
            yield ratio(f"ratio.{side}.{name}", values[below], values[side], note=f"to that of {WORDS[below]}")


def _known(values: Mapping[Side, Values]) -> dict[Side, Values]:
    """Keep the clips that were measured on every side."""
    known = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    return {side: one[known] for side, one in values.items()}


def _labels(measured: MeasuredSides) -> Iterable[Measurement]:
    identity = [identity_attributes(labels) for labels in measured.labels]

    def kept_identity(codes: Codes, clip: int) -> Sequence[float]:
        return labels_kept(codes, identity[clip])

    def kept_scene(codes: Codes, clip: int) -> Sequence[float]:
        return labels_kept(codes, SCENE)

    def shown(codes: Codes, clip: int) -> Sequence[float]:
        return labels_shown(codes, measured.stated[clip], (*identity[clip], *SCENE))

    for name, read in (("identity", kept_identity), ("scene", kept_scene), ("stated", shown)):
        yield from _shares(name, read, measured.sides)


def _shares(name: str, read: Callable[[Codes, int], Sequence[float]], sides: Mapping[Side, ClipMeasures]) -> Iterable[Measurement]:
    """Return the shares of one kind; all labels of a clip are resampled together."""
    found = {side: [read(codes, clip) for clip, codes in enumerate(one.codes)] for side, one in sides.items()}
    groups = [clip for clip, row in enumerate(found["true"]) for _ in row]
    if not groups:
        yield NotMeasured(key=f"adapter.{name}", reason="no prompt states such a label", instead="use more clips")
        return
    values = {side: np.concatenate([np.asarray(row, float) for row in rows]) for side, rows in found.items()}
    yield from (mean(f"{side}.{name}", values[side], groups=groups, within=SHARES, note=NOTES[name]) for side in SIDES)
    yield paired(f"more.{name}", values["base"], values["adapter"], groups=groups, within=SHARES)


def _distances(measured: MeasuredSides) -> Iterable[Measurement]:
    found = video_distances({side: one.features for side, one in measured.sides.items()}, measured.reference)
    yield from (found.metric(f"{side}.distance", side, NOTES["distance"]) for side in SIDES)
    yield found.difference("more.distance", "base", "adapter")
    yield found.ratio("ratio.adapter.distance", "base", "adapter", "to that without the adapter")


def joint_metrics(true: Sequence[Images], generated: Sequence[Images], joints: Sequence[int]) -> list[Measurement]:
    """Return how large steps at the joints of contexts are, beside the same places of true clips."""
    note = "mean Lab step where contexts meet over the mean of all others"
    ratios = {side: [joint_ratio(clip, joints) for clip in clips] for side, clips in (("true", true), ("adapter", generated))}
    return [_mean_known(f"{side}.joint", values, note) for side, values in ratios.items()]


def loop_metric(clips: Sequence[Images]) -> Measurement:
    """Return how large the closing step of loops is."""
    return _mean_known(
        "adapter.loop_gap", [closing_gap(clip) for clip in clips], "Lab step from the last frame to the first over the median step"
    )


def _mean_known(key: str, values: Sequence[float], note: str) -> Measurement:
    known = [value for value in values if np.isfinite(value)]
    return mean(key, known, note=note) if known else NotMeasured(key=key, reason="nothing moves", instead="look at the contact sheets")
