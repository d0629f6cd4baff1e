"""Specks: small objects that move between images, such as rain and snow."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.channels import channel_maximum
from sakuga.finishing.flow import Flows, Plane, optical_flow, warp
from sakuga.finishing.image import Image, rounded

Vector: TypeAlias = NDArray[np.float64]
"""x and y in pixels."""

FAINT = 12
"""Gray levels by which a pixel must differ from the other image and from its surroundings."""
THICKEST = 1 / 18
"""The greatest width of a speck, as a share of the image's shorter side."""
SOLID = 0.75
"""Opacity above which a pixel of a speck has its color."""
LEAST, MOST = 1 / 12000, 1 / 60
"""The smallest and largest area of a speck, as shares of the image; at least four pixels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Speck:
    """A small object, cut out with a soft edge when its pixels are asked for."""

    center: Vector
    axis: Vector  # unit vector along its longest extent
    spread: Vector  # logarithms of its standard deviations in pixels, across and along
    color: Vector
    at_edge: bool
    """Whether it touches the image's edge."""
    unexplained: float
    """The share of it that the optical flow does not explain, 0 to 1."""
    image: Plane  # all of it, (height, width, 3)
    strength: Plane  # of all pixels, (height, width): grey levels by which they differ
    labels: NDArray[np.int32]  # of all pixels, (height, width)
    label: int
    """That of its own pixels."""
    strong: np.float32
    """The strength from which it is opaque."""
    view: tuple[slice, slice]
    """The rows and columns of the patch."""

    @property
    def corner(self) -> tuple[int, int]:
        """Return x and y of the patch."""
        return self.view[1].start, self.view[0].start

    @cached_property
    def alpha(self) -> Plane:
        """Return its opacity, (height, width), 0 to 1; its edge is as opaque as it is strong."""
        inside = (self.labels[self.view] == self.label).astype(np.uint8)
        near = cv2.dilate(inside, np.ones((3, 3), np.uint8)) > 0
        return np.where(near, np.minimum(self.strength[self.view] / self.strong, 1.0), 0.0).astype(np.float32)

    @cached_property
    def patch(self) -> Plane:
        """Return its pixels, (height, width, 3); its edge takes the color of its middle."""
        solid = (self.alpha > SOLID)[..., None]
        return np.where(solid, self.image[self.view], self.color.astype(np.float32))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpeckImage:
    """One image of a pair with its specks."""

    image: Image
    other: Plane  # the other image, moved as the background moves
    flow: Plane  # of the background
    specks: tuple[Speck, ...]

    def hidden(self, specks: list[Speck]) -> NDArray[np.uint8]:
        """Return the specks' mask, (height, width), 0 or 1."""
        mask = np.zeros(self.image.shape[:2], np.uint8)
        for speck in specks:
            height, width = speck.alpha.shape
            x, y = speck.corner
            mask[y : y + height, x : x + width] |= (speck.alpha > 0).astype(np.uint8)
        return mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Candidates:
    """What may be specks of an image, not measured yet: all brighter than their surroundings, or all darker."""

    image: Plane  # (height, width, 3)
    strength: Plane  # (height, width): grey levels by which it differs
    unmet: Plane  # (height, width): grey levels that the optical flow does not explain
    labels: NDArray[np.int32]  # (height, width)
    chosen: NDArray[np.intp]  # (candidates,): their labels
    boxes: NDArray[np.int32]  # (candidates, 5): x, y, width, height, area
    strong: NDArray[np.float32]  # (candidates,): the 85th percentile of each one's strength


def find_specks(first: Image, second: Image, flows: Flows, least: int, most: int) -> tuple[SpeckImage, SpeckImage] | None:
    """Find the specks of two images; None where one has fewer than `least` or more than `most`.

    `flows` are the images' flows both ways. The background's motion is measured on median-blurred images, in which specks do not show;
    its flow is smoothed likewise.
    """
    breadth = _odd(min(first.shape[:2]) * THICKEST)
    blurred = [cv2.medianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), breadth) for image in (first, second)]
    found: list[tuple[Image, Plane, Plane, list[_Candidates]]] = []
    for here, image, other, flow in ((0, first, second, flows[0]), (1, second, first, flows[1])):
        slow = cv2.blur(cv2.medianBlur(optical_flow(blurred[here], blurred[1 - here], finest_scale=1), 5), (breadth, breadth))
        moved = warp(other.astype(np.float32), slow)
        unmet = channel_maximum(np.abs(image - warp(other.astype(np.float32), flow)))
        candidates = list(_candidates(image, moved, unmet, breadth))
        if not least <= sum(len(one.chosen) for one in candidates) <= most:
            return None
        found.append((image, moved, slow, candidates))
    early, late = (
        SpeckImage(image=one, other=moved, flow=slow, specks=tuple(chain.from_iterable(map(_measured, many))))
        for one, moved, slow, many in found
    )
    return early, late


def remove_specks(own: SpeckImage, specks: list[Speck], other: SpeckImage, others: list[Speck]) -> Image:
    """Remove specks from an image.

    Filled from the other image, or else by inpainting (Telea 2004).
    """
    grown = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    mask = cv2.dilate(own.hidden(specks), grown)
    there = warp(cv2.dilate(other.hidden(others), grown, iterations=2).astype(np.float32), own.flow)
    soft = np.maximum(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8), mask)[..., None]
    clean = rounded(own.image + soft * (own.other - own.image))
    unknown = ((mask > 0) & (there > 0.05)).astype(np.uint8)
    return cv2.inpaint(clean, unknown, 3, cv2.INPAINT_TELEA) if unknown.any() else clean


def _candidates(image: Image, other: Plane, unmet: Plane, breadth: int) -> Iterator[_Candidates]:
    """Find what is brighter, and what is darker, than its surroundings.

    They also differ from the other image.
    """
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (breadth, breadth))
    here = image.astype(np.float32)
    low, high = cv2.morphologyEx(image, cv2.MORPH_OPEN, disc), cv2.morphologyEx(image, cv2.MORPH_CLOSE, disc)
    for difference in (np.minimum(here - other, here - low), np.minimum(other - here, high - here)):
        strength = np.maximum(channel_maximum(difference), 0.0)
        _, labels, boxes, _ = cv2.connectedComponentsWithStats((strength > FAINT).astype(np.uint8), connectivity=8)
        areas = boxes[:, cv2.CC_STAT_AREA]
        fitting = (areas >= max(4, LEAST * strength.size)) & (areas <= MOST * strength.size)
        chosen = 1 + np.nonzero(fitting[1:])[0]
        strong = _percentiles(strength, labels, chosen, 0.85)
        chosen, strong = chosen[strong >= 2 * FAINT], strong[strong >= 2 * FAINT]
        yield _Candidates(image=here, strength=strength, unmet=unmet, labels=labels, chosen=chosen, boxes=boxes[chosen], strong=strong)


def _pixels(labels: NDArray[np.int32], chosen: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which of the chosen labels each of their pixels has, (pixels,) in order, and its place in the flat image."""
    order = np.full(labels.max() + 1, len(chosen))
    order[chosen] = np.arange(len(chosen))
    which = order[labels.ravel()]
    places = np.nonzero(which < len(chosen))[0]
    places = places[np.argsort(which[places], kind="stable")]
    return which[places], places


def _percentiles(values: Plane, labels: NDArray[np.int32], chosen: NDArray[np.intp], share: float) -> NDArray[np.float32]:
    """Return a percentile of the values of each label, interpolated."""
    which, places = _pixels(labels, chosen)
    ordered = values.ravel()[places]
    ordered = ordered[np.lexsort((ordered, which))]
    counts = np.bincount(which, minlength=len(chosen))
    place, starts = (counts - 1) * share, np.cumsum(counts) - counts
    below = place.astype(int)
    lower, upper = ordered[starts + below], ordered[starts + np.minimum(below + 1, counts - 1)]
    percentiles: NDArray[np.float32] = lower + (place - below).astype(np.float32) * (upper - lower)
    return percentiles


def _measured(found: _Candidates) -> Iterator[Speck]:
    """Measure specks, all together."""
    height, width = found.strength.shape
    which, places = _pixels(found.labels, found.chosen)
    strength, count = found.strength.ravel()[places], len(found.chosen)

    def mean(values: NDArray[Any], weights: NDArray[Any]) -> Vector:
        return np.bincount(which, values * weights, count) / np.bincount(which, weights, count)

    every, solid = np.ones(len(places)), (strength / found.strong[which] > SOLID).astype(float)
    points = np.stack([places % width, places // width]).astype(float)
    centers = np.stack([mean(line, every) for line in points], axis=-1)
    variances, axes = np.linalg.eigh(_covariances(points - centers.T[:, which], which, count))
    colors = np.stack([mean(channel[places], solid) for channel in found.image.reshape(-1, 3).T], axis=-1)
    unexplained = mean(np.minimum(found.unmet.ravel()[places] / strength, 1.0), every)
    for index, (x, y, wide, high, _) in enumerate(found.boxes.tolist()):
        yield Speck(
            center=centers[index],
            axis=axes[index, :, 1],
            spread=np.log(np.maximum(variances[index], 0.05)) / 2,
            color=colors[index],
            at_edge=x <= 1 or y <= 1 or x + wide >= width - 1 or y + high >= height - 1,
            unexplained=float(unexplained[index]),
            image=found.image,
            strength=found.strength,
            labels=found.labels,
            label=int(found.chosen[index]),
            strong=found.strong[index],
            view=(slice(max(0, y - 2), y + high + 2), slice(max(0, x - 2), x + wide + 2)),
        )


def _covariances(spread: Vector, which: NDArray[np.intp], count: int) -> Vector:
    """Return the covariance of each group's points, (groups, 2, 2); `spread` is (2, points) from their centers."""
    products = (spread[0] * spread[0], spread[0] * spread[1], spread[1] * spread[1])
    across, both, down = (np.bincount(which, product, count) for product in products)
    return np.stack([across, both, both, down], axis=-1).reshape(count, 2, 2) / (np.bincount(which, minlength=count) - 1)[:, None, None]


def _odd(length: float) -> int:
    """Round to an odd kernel size of at least 3."""
    return max(3, round(length) | 1)
