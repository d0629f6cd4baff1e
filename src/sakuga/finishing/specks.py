"""Specks: small objects that move between images, such as rain and snow."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.flow import Flows, Plane, optical_flow, warp
from sakuga.finishing.image import Image, rounded

Vector: TypeAlias = NDArray[np.float64]
"""x and y in pixels."""

FAINT = 12
"""Gray levels by which a pixel must differ from the other image and from its surroundings."""
THICKEST = 1 / 18
"""The greatest width of a speck, as a share of the image's shorter side."""
LEAST, MOST = 1 / 12000, 1 / 60
"""The smallest and largest area of a speck, as shares of the image; at least four pixels."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Speck:
    """A small object, cut out with a soft edge."""

    center: Vector
    axis: Vector  # unit vector along its longest extent
    spread: Vector  # logarithms of its standard deviations in pixels, across and along
    color: Vector
    at_edge: bool
    """Whether it touches the image's edge."""
    unexplained: float
    """The share of it that the optical flow does not explain, 0 to 1."""
    corner: tuple[int, int]  # x, y of the patch
    patch: Plane  # (height, width, 3)
    alpha: Plane  # (height, width), 0 to 1


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
class _Candidate:
    """The pixels that may be a speck, not measured yet."""

    patch: Plane  # (height, width, 3)
    strength: Plane  # (height, width): gray levels by which it differs
    unmet: Plane  # (height, width): gray levels that the optical flow does not explain
    inside: NDArray[np.bool_]  # (height, width)
    strong: float
    """The 85th percentile of its strength."""
    corner: tuple[int, int]  # x, y of the patch
    at_edge: bool


def find_specks(first: Image, second: Image, flows: Flows, least: int, most: int) -> tuple[SpeckImage, SpeckImage] | None:
    """Find the specks of two images; None where one has fewer than `least` or more than `most`.

    `flows` are the images' flows both ways. The background's motion is measured on median-blurred images, in which specks do not show;
    its flow is smoothed likewise.
    """
    breadth = _odd(min(first.shape[:2]) * THICKEST)
    blurred = [cv2.medianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), breadth) for image in (first, second)]
    found: list[tuple[Image, Plane, Plane, list[_Candidate]]] = []
    for here, image, other, flow in ((0, first, second, flows[0]), (1, second, first, flows[1])):
        slow = cv2.blur(cv2.medianBlur(optical_flow(blurred[here], blurred[1 - here], finest_scale=1), 5), (breadth, breadth))
        moved = warp(other.astype(np.float32), slow)
        unmet = np.abs(image - warp(other.astype(np.float32), flow)).max(axis=-1)
        candidates = list(islice(_candidates(image, moved, unmet, breadth), most + 1))
        if not least <= len(candidates) <= most:
            return None
        found.append((image, moved, slow, candidates))
    early, late = (SpeckImage(image=one, other=moved, flow=slow, specks=tuple(map(_speck, many))) for one, moved, slow, many in found)
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


def _candidates(image: Image, other: Plane, unmet: Plane, breadth: int) -> Iterator[_Candidate]:
    """Cut out specks, brighter or darker than their surroundings.

    They also differ from the other image.
    """
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (breadth, breadth))
    here = image.astype(np.float32)
    low, high = cv2.morphologyEx(image, cv2.MORPH_OPEN, disc), cv2.morphologyEx(image, cv2.MORPH_CLOSE, disc)
    for difference in (np.minimum(here - other, here - low), np.minimum(other - here, high - here)):
        strength = np.maximum(difference, 0.0).max(axis=-1)
        _, labels, boxes, _ = cv2.connectedComponentsWithStats((strength > FAINT).astype(np.uint8), connectivity=8)
        areas = boxes[:, cv2.CC_STAT_AREA]
        fitting = (areas >= max(4, LEAST * strength.size)) & (areas <= MOST * strength.size)
        for label in map(int, 1 + np.nonzero(fitting[1:])[0]):
            x, y, width, height, _ = boxes[label].tolist()
            left, top = max(0, x - 2), max(0, y - 2)
            view = (slice(top, y + height + 2), slice(left, x + width + 2))
            inside = labels[view] == label
            strong = _percentile(strength[view][inside], 0.85)
            if strong >= 2 * FAINT:
                yield _Candidate(
                    patch=here[view],
                    strength=strength[view],
                    unmet=unmet[view],
                    inside=inside,
                    strong=strong,
                    corner=(left, top),
                    at_edge=x <= 1 or y <= 1 or x + width >= strength.shape[1] - 1 or y + height >= strength.shape[0] - 1,
                )


def _percentile(values: NDArray[np.float32], share: float) -> float:
    """Interpolate between sorted values; faster than `np.percentile` for few."""
    ordered, place = np.sort(values), (len(values) - 1) * share
    below = int(place)
    return float(ordered[below] + (place - below) * (ordered[min(below + 1, len(values) - 1)] - ordered[below]))


def _speck(found: _Candidate) -> Speck:
    """Measure one speck.

    Its edge is as opaque as it is strong, and takes the color of its middle.
    """
    inside, strength = found.inside, found.strength
    near = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    alpha = np.where(near, np.minimum(strength / np.float32(found.strong), 1.0), 0.0).astype(np.float32)
    solid = alpha > 0.75
    color = found.patch[solid].mean(axis=0)
    places = np.stack(np.nonzero(inside)[::-1]).astype(float)
    center = places.mean(axis=1)
    spread = places - center[:, None]
    variances, axes = np.linalg.eigh(spread @ spread.T / (places.shape[1] - 1))
    return Speck(
        center=center + found.corner,
        axis=axes[:, 1],
        spread=np.log(np.maximum(variances, 0.05)) / 2,
        color=color.astype(float),
        at_edge=found.at_edge,
        unexplained=float(np.minimum(found.unmet[inside] / strength[inside], 1.0).mean()),
        corner=found.corner,
        patch=np.where(solid[..., None], found.patch, color),
        alpha=alpha,
    )


def _odd(length: float) -> int:
    """Round to an odd kernel size of at least 3."""
    return max(3, round(length) | 1)
