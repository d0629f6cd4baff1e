"""Optical-flow interpolation: warp where the flow is reliable, cross-fade elsewhere."""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.channels import channel_mean, squared_length
from sakuga.finishing.image import Image, in_8_bits, rounded_like

Plane: TypeAlias = NDArray[np.float32]
"""(height, width) or (height, width, channels) float32."""
Flows: TypeAlias = tuple[Plane, Plane]
"""Forward and backward flow of an image pair, each (height, width, 2): x, y in pixels."""

MIN_CONFIDENCE, FULL_CONFIDENCE = 0.72, 0.84
"""Mean confidence below which nothing is warped, and from which all is (measured: moving scenes 0.92 and more, cuts 0.2 and less)."""
TORN = (0.3, 1.5)
"""Grey levels of detail that warping adds, from which it is trusted less, and not at all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """One image with its flow to the other image."""

    image: Image
    flow: Plane  # (height, width, 2): x, y in pixels
    confidence: Plane  # (height, width), 0 to 1: the pixel is found again in the other image
    benefit: Plane  # (height, width), 0 to 1: near here, warping explains the other image better than no motion


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlowPair:
    """Two images and the motion between them."""

    forward: Motion
    backward: Motion

    @property
    def confidence(self) -> float:
        """Return the share of matched pixels, 0 to 1."""
        return float(min(self.forward.confidence.mean(), self.backward.confidence.mean()))

    @property
    def reliability(self) -> float:
        """Return how far warping is trusted, 0 to 1: images that have little in common are cross-faded."""
        return min(1.0, max(0.0, (self.confidence - MIN_CONFIDENCE) / (FULL_CONFIDENCE - MIN_CONFIDENCE)))

    def at(self, at: float | Fraction) -> Image:
        """Interpolate between the images, 0 to 1.

        0 is the first image, 1 the second; where warping does not help, or tears an image, they are cross-faded.
        Each flow is splatted to the moment `at`, where it says which source pixel to sample. Areas that only one image shows
        (the other's flow leaves a hole there) are taken from that image.
        """
        place = float(at)
        if place <= 0.0 or place >= 1.0:
            return (self.forward if place <= 0.0 else self.backward).image.copy()
        if not self.reliability:
            return crossfade(self.forward.image, self.backward.image, place)
        early, early_cover, early_benefit = _splat(self.forward, place)
        late, late_cover, late_benefit = _splat(self.backward, 1.0 - place)
        early_weight, late_weight = (1.0 - place) * (early_cover + 0.01), place * (late_cover + 0.01)
        moved = (early * early_weight + late * late_weight) / (early_weight + late_weight)
        benefit = self.reliability * cv2.GaussianBlur(np.maximum(early_benefit, late_benefit), (0, 0), 1.5)[..., None]
        faded = self.forward.image * np.float32(1.0 - place) + self.backward.image * np.float32(place)
        return rounded_like(self.forward.image, faded + benefit * (moved - faded))


def flow_pair(first: Image, second: Image, flows: Flows | None = None) -> FlowPair:
    """Measure the motion between two images, both ways.

    They have one size.
    `flows` are those of `both_flows(first, second)`, if they have been computed already.
    """
    forward, backward = flows or both_flows(first, second)
    return FlowPair(forward=_assess(first, second, forward, backward), backward=_assess(second, first, backward, forward))


def crossfade(first: Image, second: Image, at: float | Fraction) -> Image:
    """Blend two images linearly: 0 is `first`, 1 is `second`."""
    return rounded_like(first, first * np.float32(1 - at) + second * np.float32(at))


def both_flows(first: Image, second: Image) -> Flows:
    """Compute forward and backward flow between two images."""
    before, after = (cv2.cvtColor(in_8_bits(image), cv2.COLOR_RGB2GRAY) for image in (first, second))
    return optical_flow(before, after), optical_flow(after, before)


def optical_flow(before: NDArray[np.uint8], after: NDArray[np.uint8], finest_scale: int = 0) -> Plane:
    """Compute the flow from one gray image to another.

    It is refined down to 2^`finest_scale` pixels: to single ones by default, as drawn lines are thin. Returns (height, width, 2): x, y in
    pixels. Source: DIS, Kroeger et al. 2016.
    """
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    estimator.setFinestScale(finest_scale)
    flow: Plane = estimator.calc(before, after, None)
    return flow


def _assess(image: Image, other: Image, there: Plane, back: Plane) -> Motion:
    """Rate a flow.

    Confident pixels return to their start, or arrive at their own color.
    The forward-backward check (Sundaram et al. 2010, eq. 5, made soft) fails on flat areas, where any flow fits;
    the color check fails where the light changes.
    """
    here, elsewhere = image.astype(np.float32), other.astype(np.float32)
    returned = warp(back, there)
    miss = squared_length(there + returned)
    allowed = 0.01 * (squared_length(there) + squared_length(returned)) + 0.5
    warped = channel_mean(np.abs(here - warp(elsewhere, there)))
    still = channel_mean(np.abs(here - elsewhere))
    confidence = np.maximum(np.exp(-0.7 * np.square(miss / allowed)), np.exp(-np.square(warped / 12.0)))
    around, around_still = (cv2.GaussianBlur(error, (0, 0), 3.0) + 2.0 for error in (warped, still))
    helps = np.clip(2.2 - 2.0 * around / around_still, 0.0, 1.0)
    far = np.clip((np.sqrt(squared_length(there)) - 0.2) / 0.6, 0.0, 1.0)  # in pixels; less is below the flow's resolution
    return Motion(image=image, flow=there, confidence=confidence, benefit=helps * far)


def _splat(motion: Motion, share: float) -> tuple[Plane, Plane, Plane]:
    """Move an image along a share of its flow.

    Returns the image, its coverage (height, width, 1), which is 0 where no confident pixel arrives or the image is torn, and the benefit
    (height, width).
    """
    total, across, along, cover, benefit = _arriving(motion, share)
    arrived = np.stack([across, along], axis=-1) / (total + 1e-9)[..., None]
    source, flow = motion.image.astype(np.float32), -np.float32(share) * arrived
    image = warp(source, flow)
    whole = _wholeness(image, warp(cv2.dilate(_detail(source), np.ones((5, 5), np.uint8)), flow))
    return image, (whole * np.minimum(cover, 1.0))[..., None], whole * np.minimum(benefit, 1.0)


def _arriving(motion: Motion, share: float) -> tuple[Plane, Plane, Plane, Plane, Plane]:
    """Sum what arrives at each pixel when all move along a share of their flow.

    Each is (height, width): the pixels' weight, their weighted flow in x and y, their confidence and their benefit.
    """
    height, width = motion.confidence.shape
    moves, (down, right) = motion.flow, _grid(height, width)
    x, y = right + share * moves[..., 0], down + share * moves[..., 1]
    left, top = np.floor(x), np.floor(y)
    weight = motion.confidence + np.float32(1e-3)  # an unreliable flow still beats none
    values = (weight, weight * moves[..., 0], weight * moves[..., 1], motion.confidence, motion.benefit)
    stride = width + 4  # with a border of two, where pixels go that leave the image
    cell = ((np.clip(top, -2, height) + 2) * stride + np.clip(left, -2, width) + 2).astype(np.intp).ravel()
    sums = np.zeros((5, (height + 4) * stride))
    for row, rows in ((0, top + 1 - y), (1, y - top)):
        for column, columns in ((0, left + 1 - x), (1, x - left)):
            near, corner = rows * columns, cell + (row * stride + column)
            for total, value in zip(sums, values, strict=True):
                total += np.bincount(corner, (near * value).ravel(), len(total))
    inner = sums.reshape(5, height + 4, stride)[:, 2:-2, 2:-2].astype(np.float32)
    total, across, along, cover, benefit = inner
    return total, across, along, cover, benefit


def _detail(image: Plane) -> Plane:
    """Return how much each pixel differs from those around it, (height, width)."""
    return channel_mean(np.abs(cv2.Laplacian(image, cv2.CV_32F)))


def _wholeness(warped: Plane, detail: Plane) -> Plane:
    """Return where an image is whole, 1.0, and where its flow has torn it, 0.0.

    A flow that finds each pixel's color somewhere, but not its neighbors beside it, leaves splinters: detail that the image itself, whose
    warped `detail` is given, does not have there.
    """
    added = cv2.GaussianBlur(np.maximum(0.0, _detail(warped) - detail), (0, 0), 3.0)
    whole: Plane = 1.0 - np.clip((added - TORN[0]) / (TORN[1] - TORN[0]), 0.0, 1.0)
    return whole


def warp(plane: Plane, flow: Plane) -> Plane:
    """Sample a plane along a flow, bicubically.

    The edge repeats beyond the border.
    """
    height, width = flow.shape[:2]
    down, right = _grid(height, width)
    warped: Plane = cv2.remap(plane, right + flow[..., 0], down + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return warped


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> Plane:
    """Return every pixel's row and column, (2, height, width); read only."""
    grid: Plane = np.mgrid[0:height, 0:width].astype(np.float32)
    grid.flags.writeable = False
    return grid
