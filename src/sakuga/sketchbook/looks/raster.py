"""Anti-aliased filling, shared by every look: from picture units to pixels, and one shape over a picture."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from sakuga.sketchbook.shapes import Colour, Drawing, Shape

Picture = np.ndarray  # (height, width, 3) uint8, RGB
Mask = np.ndarray  # (height, width) uint8
Ink = tuple[int, int, int]

BITS = 4
"""Paths are fixed point numbers with this many bits below the pixel."""


class Outline(NamedTuple):
    """A shape on the grid of pixels; its box is clipped to the picture and leaves room for its soft edge."""

    shape: Shape
    path: np.ndarray
    """(n, 2) int32, in sixteenths of a pixel."""
    left: int
    top: int
    right: int
    bottom: int
    size: float
    """The lesser side of the whole shape, in pixels."""
    scale: int
    """Pixels to one picture unit."""
    colour: Ink
    """The shape's own colour."""

    def view(self, picture: np.ndarray) -> np.ndarray:
        """Look at the part of a picture inside the box."""
        return picture[self.top : self.bottom, self.left : self.right]

    def inside(self) -> "Outline":
        """Move to the grid of the box itself, for drawing on a view of it."""
        return self._replace(path=self.path - np.array((self.left << BITS, self.top << BITS), np.int32))

    def moved(self, x: float, y: float) -> "Outline":
        """Move the path by so many pixels, and leave the box."""
        return self._replace(path=self.path + np.array((round(x * 16), round(y * 16)), np.int32))


def outlines(drawing: Drawing, width: int, height: int) -> Iterator[Outline]:
    """Yield the shapes that touch the picture, in order; all their points go to pixels in one step, for speed."""
    if not drawing.shapes:
        return
    counts = np.array([len(shape.points) for shape in drawing.shapes])
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    # The middle of the first pixel is 0 to OpenCV and half a pixel to us.
    points = np.rint(np.concatenate([shape.points for shape in drawing.shapes]) * (height << BITS) - (1 << BITS - 1)).astype(np.int32)
    room = np.array([[2 + height * (2 * shape.soft + shape.stroke / 2)] for shape in drawing.shapes])
    low, high = np.minimum.reduceat(points, starts) / (1 << BITS), np.maximum.reduceat(points, starts) / (1 << BITS)
    sizes = (high - low).min(axis=1).tolist()
    low, high = (low - room).astype(int).tolist(), (high + room + 1).astype(int).tolist()
    colours = (np.array([shape.colour for shape in drawing.shapes]) * 255).round().clip(0, 255).astype(int).tolist()
    rows = zip(drawing.shapes, starts.tolist(), counts.tolist(), low, high, sizes, colours, strict=True)
    for shape, start, count, (left, top), (right, bottom), size, (red, green, blue) in rows:
        if right > 0 and bottom > 0 and left < width and top < height:
            box = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
            yield Outline(shape, points[start : start + count], *box, size, height, (red, green, blue))


def ink(colour: Colour) -> Ink:
    """Turn a colour from 0..1 into 0..255."""
    red, green, blue = (min(max(round(part * 255), 0), 255) for part in colour)
    return red, green, blue


def fill(picture: np.ndarray, outline: Outline, colour: float | Ink, line: int = cv2.LINE_AA) -> None:
    """Fill a shape with one opaque colour; a stroke is at least one pixel wide."""
    if outline.shape.stroke > 0:
        thickness = max(1, round(outline.shape.stroke * outline.scale))
        cv2.polylines(picture, [outline.path], False, colour, thickness, line, BITS)
    else:
        cv2.fillPoly(picture, [outline.path], colour, line, BITS)


def opacity(outline: Outline) -> float:
    """Return the shape's alpha, less for a line that would be thinner than a pixel."""
    thickness = outline.shape.stroke * outline.scale
    return outline.shape.alpha * (thickness if 0 < thickness < 1 else 1.0)


def coverage(outline: Outline, line: int = cv2.LINE_AA) -> Mask:
    """Draw how much of each pixel of the box the shape covers, 0 to 255; its edge is as soft as it asks."""
    mask = np.zeros((outline.bottom - outline.top, outline.right - outline.left), np.uint8)
    fill(mask, outline.inside(), 255, line)
    reach = round(outline.shape.soft * outline.scale)
    if reach > 0:
        # Two boxes are near enough to a Gaussian of this deviation, and do not slow down with it.
        mask = cv2.blur(cv2.blur(mask, (2 * reach + 1, 2 * reach + 1)), (2 * reach + 1, 2 * reach + 1))
    return mask


def blend(view: Picture, colour: Ink, weight: np.ndarray) -> None:
    """Lay a colour over a picture in place, by a float weight of 0..1 for each pixel."""
    cv2.blendLinear(view, np.full_like(view, colour), 1 - weight, weight, view)


def lay(picture: Picture, outline: Outline, colour: Ink, line: int = cv2.LINE_AA) -> None:
    """Paint one shape over a picture in place, with its alpha and its soft edge."""
    strength = opacity(outline)
    if outline.shape.soft * outline.scale >= 0.5:
        blend(outline.view(picture), colour, coverage(outline, line) * np.float32(strength / 255))
    elif strength >= 1:
        fill(picture, outline, colour, line)
    else:
        view = outline.view(picture)
        over = view.copy()
        fill(over, outline.inside(), colour, line)
        cv2.addWeighted(over, strength, view, 1 - strength, 0, view)


def sky(drawing: Drawing, width: int, height: int) -> Picture:
    """Paint the sky's gradient."""
    return np.repeat(sky_column(drawing, height).round().astype(np.uint8), width, axis=1)


def sky_column(drawing: Drawing, height: int) -> np.ndarray:
    """Return the sky's colour at each row, (height, 1, 3) float32, 0 to 255."""
    rows = (np.arange(height) + 0.5) / height
    stops = [stop for stop, _ in drawing.sky]
    column = [np.interp(rows, stops, [colour[part] * 255 for _, colour in drawing.sky]) for part in range(3)]
    return np.stack(column, axis=-1).astype(np.float32)[:, None]
