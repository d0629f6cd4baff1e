"""Optical flow: pictures between two, warped where the flow can be trusted and cross-faded where it cannot."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from sakuga.finishing.image import Picture, rounded

Plane: TypeAlias = NDArray[np.float32]
"""(height, width) or (height, width, channels) float32."""

SURE_SHARE = 0.5
"""Below this share the pictures show different things, and nothing is warped (measured: moving scenes 0.8 and more, cuts 0.2 and less)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """One picture, where its pixels go in the other, and how far that is to be believed."""

    picture: Picture
    flow: Plane  # (height, width, 2): x, y in pixels
    sure: Plane  # (height, width), 0 to 1: the pixel is found again in the other picture
    use: Plane  # (height, width), 0 to 1: hereabouts, warping explains the other picture better than standing still


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """Two pictures and the motion between them, measured once for all their in-betweens."""

    forward: Motion
    backward: Motion

    @property
    def sure(self) -> float:
        """The share of the pictures that is found again in the other."""
        return float(min(self.forward.sure.mean(), self.backward.sure.mean()))

    def at(self, at: float | Fraction) -> Picture:
        """Draw the picture at a moment: 0 is the first, 1 the second; where warping is of no use, both shine through.

        Each flow is carried to the moment, where it says which pixel of its picture to fetch. What only one picture shows
        (the other's flow leaves a hole there) is taken from that one.
        """
        place = float(at)
        if place <= 0.0 or place >= 1.0:
            return (self.forward if place <= 0.0 else self.backward).picture.copy()
        if self.sure < SURE_SHARE:
            return crossfade(self.forward.picture, self.backward.picture, place)
        early, early_cover, early_use = _carried(self.forward, place)
        late, late_cover, late_use = _carried(self.backward, 1.0 - place)
        early_weight, late_weight = (1.0 - place) * (early_cover + 0.01), place * (late_cover + 0.01)
        moved = (early * early_weight + late * late_weight) / (early_weight + late_weight)
        use = cv2.GaussianBlur(np.maximum(early_use, late_use), (0, 0), 1.5)[..., None]
        faded = self.forward.picture * np.float32(1.0 - place) + self.backward.picture * np.float32(place)
        return rounded(faded + use * (moved - faded))


def pair(first: Picture, second: Picture) -> Pair:
    """Measure the motion between two pictures of one size, both ways (DIS: Kroeger et al. 2016)."""
    before, after = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (first, second))
    there, back = flow(before, after), flow(after, before)
    return Pair(forward=_judged(first, second, there, back), backward=_judged(second, first, back, there))


def crossfade(first: Picture, second: Picture, at: float | Fraction) -> Picture:
    """Mix two pictures: 0 is `first`, 1 is `second`."""
    return rounded(first * np.float32(1 - at) + second * np.float32(at))


def flow(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Plane:
    """Measure where the pixels of one grey picture go in another, (height, width, 2): x, y in pixels."""
    seeker = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    seeker.setFinestScale(0)  # down to single pixels: drawn lines are thin
    found: Plane = seeker.calc(before, after, None)
    return found


def _judged(picture: Picture, other: Picture, there: Plane, back: Plane) -> Motion:
    """Judge a flow: a pixel is sure if it comes back to where it began, or at least arrives at its own colour.

    The way back (Sundaram et al. 2010, eq. 5, made soft) fails on plain ground, where any flow will do;
    the colour fails where the light changes.
    """
    here, elsewhere = picture.astype(np.float32), other.astype(np.float32)
    returned = fetched(back, there)
    miss = np.square(there + returned).sum(axis=-1)
    allowed = 0.01 * (np.square(there).sum(axis=-1) + np.square(returned).sum(axis=-1)) + 0.5
    warped = np.abs(here - fetched(elsewhere, there)).mean(axis=-1)
    still = np.abs(here - elsewhere).mean(axis=-1)
    sure = np.maximum(np.exp(-0.7 * np.square(miss / allowed)), np.exp(-np.square(warped / 12.0)))
    around, around_still = (cv2.GaussianBlur(error, (0, 0), 3.0) + 2.0 for error in (warped, still))
    helps = np.clip(2.2 - 2.0 * around / around_still, 0.0, 1.0)
    far = np.clip((np.linalg.norm(there, axis=-1) - 0.2) / 0.6, 0.0, 1.0)  # in pixels; less is below what the flow can tell
    return Motion(picture=picture, flow=there, sure=sure, use=helps * far)


def _carried(motion: Motion, share: float) -> tuple[Plane, Plane, Plane]:
    """Move a picture along a share of its flow.

    Answers the picture, its cover (height, width, 1) - 0 where nothing sure arrives - and the use (height, width) of having moved it.
    """
    height, width = motion.sure.shape
    moves, (down, right) = motion.flow, _grid(height, width)
    x, y = right + share * moves[..., 0], down + share * moves[..., 1]
    left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    sums = np.zeros((5, height * width))
    for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        near = ((1 - np.abs(x - column)) * (1 - np.abs(y - row)))[inside]
        sure = near * motion.sure[inside]
        weight = sure + 1e-3 * near  # a flow nobody is sure of still beats none
        values = (weight, weight * moves[..., 0][inside], weight * moves[..., 1][inside], sure, near * motion.use[inside])
        cell = (row * width + column)[inside]
        for total, value in zip(sums, values, strict=True):
            total += np.bincount(cell, value, height * width)
    total, across, along, cover, use = sums.astype(np.float32).reshape(5, height, width)
    arrived = np.stack([across, along], axis=-1) / (total + 1e-9)[..., None]
    picture = fetched(motion.picture.astype(np.float32), -np.float32(share) * arrived)
    return picture, np.minimum(cover, 1.0)[..., None], np.minimum(use, 1.0)


def fetched(plane: Plane, moves: Plane) -> Plane:
    """Look up a plane at each pixel's place plus its flow, bicubically; beyond the edge, the edge."""
    height, width = moves.shape[:2]
    down, right = _grid(height, width)
    fetched: Plane = cv2.remap(plane, right + moves[..., 0], down + moves[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return fetched


def _grid(height: int, width: int) -> Plane:
    """The row and the column of every pixel, (2, height, width)."""
    return np.mgrid[0:height, 0:width].astype(np.float32)
