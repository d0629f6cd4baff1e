"""Specks: small things of a picture that stand elsewhere in the next, such as rain and snow, cut out with soft edges."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.flow import Plane, fetched, flow
from sakuga.finishing.image import Picture, rounded

Vector: TypeAlias = NDArray[np.float64]
"""x and y in pixels."""

FAINT = 12
"""Grey levels that a pixel must differ by, from the other picture and from what is around it."""
THICKEST = 1 / 18
"""What is wider than this share of the picture's shorter side is no speck."""
LEAST, MOST = 1 / 12000, 1 / 60
"""Areas of a speck, as shares of the picture; fewer than four pixels are no speck either."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Speck:
    """A small thing, cut out of its picture."""

    centre: Vector
    axis: Vector  # where it is longest: a unit vector
    spread: Vector  # logarithms of its standard deviations in pixels, across and along
    colour: Vector
    cut: bool
    """Does it touch the picture's edge?"""
    unexplained: float
    """0 to 1: the share of it that a flow between the pictures does not explain."""
    corner: tuple[int, int]  # x, y of the patch
    patch: Plane  # (height, width, 3)
    alpha: Plane  # (height, width), 0 to 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A picture of two, and what the other one knows of it."""

    picture: Picture
    other: Plane  # the other picture, moved as the background moves
    flow: Plane  # how the background moves
    specks: tuple[Speck, ...]

    def hidden(self, specks: list[Speck]) -> NDArray[np.uint8]:
        """Mark the pixels that some specks cover, 0 or 1."""
        mask = np.zeros(self.picture.shape[:2], np.uint8)
        for speck in specks:
            height, width = speck.alpha.shape
            x, y = speck.corner
            mask[y : y + height, x : x + width] |= (speck.alpha > 0).astype(np.uint8)
        return mask


def seen(first: Picture, second: Picture) -> tuple[Seen, Seen]:
    """Find the specks of two pictures.

    The background's motion is measured on pictures blurred by a median, in which specks do not show (its flow is smoothed likewise).
    """
    breadth = _odd(min(first.shape[:2]) * THICKEST)
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (first, second)]
    blurred = [cv2.medianBlur(plane, breadth) for plane in grey]
    found = []
    for here, picture, other in ((0, first, second), (1, second, first)):
        slow = cv2.blur(cv2.medianBlur(flow(blurred[here], blurred[1 - here]), 5), (breadth, breadth))
        moved = fetched(other.astype(np.float32), slow)
        unmet = np.abs(picture - fetched(other.astype(np.float32), flow(grey[here], grey[1 - here]))).max(axis=-1)
        found.append(Seen(picture=picture, other=moved, flow=slow, specks=tuple(_specks(picture, moved, unmet, breadth))))
    return found[0], found[1]


def cleaned(own: Seen, specks: list[Speck], other: Seen, others: list[Speck]) -> Picture:
    """Take specks out of a picture: what they hide is seen in the other, or else guessed from around (Telea 2004)."""
    grown = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    mask = cv2.dilate(own.hidden(specks), grown)
    there = fetched(cv2.dilate(other.hidden(others), grown, iterations=2).astype(np.float32), own.flow)
    soft = np.maximum(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.8), mask)[..., None]
    clean = rounded(own.picture + soft * (own.other - own.picture))
    unknown = ((mask > 0) & (there > 0.05)).astype(np.uint8)
    return cv2.inpaint(clean, unknown, 3, cv2.INPAINT_TELEA) if unknown.any() else clean


def _specks(picture: Picture, other: Plane, unmet: Plane, breadth: int) -> Iterator[Speck]:
    """Cut out what differs both from the other picture and from its own surroundings, bright things and dark ones."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (breadth, breadth))
    here = picture.astype(np.float32)
    low, high = cv2.morphologyEx(picture, cv2.MORPH_OPEN, disc), cv2.morphologyEx(picture, cv2.MORPH_CLOSE, disc)
    for difference in (np.minimum(here - other, here - low), np.minimum(other - here, high - here)):
        strength = np.maximum(difference, 0.0).max(axis=-1)
        count, labels, boxes, _ = cv2.connectedComponentsWithStats((strength > FAINT).astype(np.uint8), connectivity=8)
        for label in range(1, count):
            x, y, width, height, area = boxes[label].tolist()
            if max(4, LEAST * strength.size) <= area <= MOST * strength.size:
                left, top = max(0, x - 2), max(0, y - 2)
                view = (slice(top, y + height + 2), slice(left, x + width + 2))
                at_edge = x <= 1 or y <= 1 or x + width >= strength.shape[1] - 1 or y + height >= strength.shape[0] - 1
                inside = labels[view] == label
                if np.percentile(strength[view][inside], 85) >= 2 * FAINT:
                    yield _speck(here[view], strength[view], unmet[view], inside, (left, top), at_edge)


def _speck(patch: Plane, strength: Plane, unmet: Plane, inside: NDArray[np.bool_], corner: tuple[int, int], cut: bool) -> Speck:
    """Measure one; its edge is as opaque as it is strong, and takes the colour of its middle."""
    near = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    alpha = np.where(near, np.minimum(strength / np.percentile(strength[inside], 85), 1.0), 0.0).astype(np.float32)
    solid = alpha > 0.75
    colour = patch[solid].mean(axis=0)
    places = np.stack(np.nonzero(inside)[::-1]).astype(float)
    variances, axes = np.linalg.eigh(np.cov(places))
    return Speck(
        centre=places.mean(axis=1) + corner,
        axis=axes[:, 1],
        spread=np.log(np.maximum(variances, 0.05)) / 2,
        colour=colour.astype(float),
        cut=cut,
        unexplained=float(np.minimum(unmet[inside] / strength[inside], 1.0).mean()),
        corner=corner,
        patch=np.where(solid[..., None], patch, colour),
        alpha=alpha,
    )


def _odd(length: float) -> int:
    return max(3, round(length) | 1)
