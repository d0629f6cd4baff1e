"""A distance of two sets of clips, with the classifier's features over frames."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sakuga.evaluation.confidence import TAILS, Interval, resamples
from sakuga.evaluation.frechet import Features
from sakuga.evaluation.kernel_distance import REPLICATES, discrepancy, polynomial
from sakuga.evaluation.metric import Measurement, NotMeasured, make_metric

FrameFeatures = NDArray[np.float64]
"""(clips, frames, features)"""
MIN_CLIPS = 2
"""Fewest clips of a set that has a variance."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoFeatures:
    """A clip as one vector: what its frames show, and how that changes.

    The mean of the frames' features, and the square root of the mean size of their changes from frame to frame, each divided by its root
    mean square in a reference set of true clips: both weigh the same. Without the root a few wild clips outweigh all still ones.
    """

    scales: tuple[float, float]

    @classmethod
    def of(cls, reference: FrameFeatures) -> Self:
        """Find the scales in a set of true clips."""
        shown, changes = (float(np.sqrt(np.square(part).mean())) for part in _means(reference))
        return cls(scales=(shown or 1.0, changes or 1.0))

    def __call__(self, clips: FrameFeatures) -> Features:
        """Return the vectors of clips, (clips, 2 * features)."""
        return np.concatenate([part / scale for part, scale in zip(_means(clips), self.scales, strict=True)], axis=1)


def _means(clips: FrameFeatures) -> tuple[Features, Features]:
    """Return the means of frames and the roots of the mean sizes of their changes, (clips, features) each."""
    return clips.mean(axis=1), np.sqrt(np.abs(np.diff(clips, axis=1)).mean(axis=1))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distances:
    """Distances of paired sets of clips to one set of true clips.

    KID's unbiased estimate (Binkowski et al. 2018, section 3). All sets are resampled together, so that differences are paired.
    """

    n: int
    values: dict[str, NDArray[np.float64]]
    """By set; the estimate, then its resamples."""

    def metric(self, key: str, name: str, note: str = "") -> Measurement:
        """Return the distance of one set."""
        return self._metric(key, self.values[name], note)

    def difference(self, key: str, base: str, other: str, note: str = "") -> Measurement:
        """Return how much farther one set is than another."""
        return self._metric(key, self.values[other] - self.values[base], note)

    def ratio(self, key: str, base: str, other: str, note: str = "") -> Measurement:
        """Return how many times as far one set is as another."""
        below = self.values[base]
        if below[0] <= 0:
            return NotMeasured(key=key, reason="what it is divided by is not above 0", instead="use more clips")
        value = float(self.values[other][0] / below[0])
        varied = self.values[other][1:] / below[1:]
        interval = Interval(*(float(end) for end in np.quantile(varied, TAILS))) if (below > 0).all() else None
        return make_metric(key, value, self.n, interval, note=note)

    def _metric(self, key: str, values: NDArray[np.float64], note: str) -> Measurement:
        if self.n < MIN_CLIPS:
            return NotMeasured(key=key, reason="a single clip has no variance", instead=f"use at least {MIN_CLIPS}, better 64")
        low, high = np.quantile(values[1:], TAILS)
        return make_metric(key, float(values[0]), self.n, Interval(float(low), float(high)), note=note)


def video_distances(sets: dict[str, FrameFeatures], reference: FrameFeatures) -> Distances:
    """Measure the distance of each set of n paired clips to a set of other clips."""
    vectors = VideoFeatures.of(reference)
    n = len(next(iter(sets.values())))
    if n < MIN_CLIPS or len(reference) < MIN_CLIPS:
        return Distances(n=1, values={name: np.zeros(1) for name in sets})
    counts, others = (
        np.concatenate([np.ones((1, size)), resamples(size, seed, REPLICATES)]) for seed, size in ((1, n), (2, len(reference)))
    )
    varied = (counts.max(axis=1) < n) & (others.max(axis=1) < len(reference))
    true = vectors(reference)
    values = {name: discrepancy(vectors(clips), true, polynomial, counts[varied], others[varied]) for name, clips in sets.items()}
    return Distances(n=n, values=values)
