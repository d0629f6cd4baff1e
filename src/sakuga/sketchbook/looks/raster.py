"""Anti-aliased rasterization that all looks share."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from sakuga.sketchbook.display_list import Color, DisplayList, Shape

Image = np.ndarray  # (height, width, 3) uint8, RGB
Mask = np.ndarray  # (height, width) uint8
Ink = tuple[int, int, int]

BITS = 4
"""Paths are fixed point numbers with this many bits below the pixel."""


class Outline(NamedTuple):
    """A shape on the pixel grid.

    Its box is clipped to the image and leaves room for its soft edge.
    """

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
    """Pixels to one image unit."""
    color: Ink
    """The shape's own color."""

    def view(self, image: np.ndarray) -> np.ndarray:
        """Return a view of the box."""
        return image[self.top : self.bottom, self.left : self.right]

    def inside(self) -> "Outline":
        """Return the outline in the box's own coordinates."""
        return self._replace(path=self.path - np.array((self.left << BITS, self.top << BITS), np.int32))

    def moved(self, x: float, y: float) -> "Outline":
        """Return the outline shifted within its box."""
        return self._replace(path=self.path + np.array((round(x * 16), round(y * 16)), np.int32))


def outlines(drawing: DisplayList, width: int, height: int) -> Iterator[Outline]:
    """Yield the shapes that touch the image, in order.

    All points are converted to pixels at once, for speed.
    """
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
    colors = (np.array([shape.color for shape in drawing.shapes]) * 255).round().clip(0, 255).astype(int).tolist()
    rows = zip(drawing.shapes, starts.tolist(), counts.tolist(), low, high, sizes, colors, strict=True)
    for shape, start, count, (left, top), (right, bottom), size, (red, green, blue) in rows:
        if right > 0 and bottom > 0 and left < width and top < height:
            box = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
            yield Outline(shape, points[start : start + count], *box, size, height, (red, green, blue))


def ink(color: Color) -> Ink:
    """Convert a color from 0..1 to 0..255."""
    red, green, blue = (min(max(round(part * 255), 0), 255) for part in color)
    return red, green, blue


def fill(image: np.ndarray, outline: Outline, color: float | Ink, line: int = cv2.LINE_AA) -> None:
    """Fill a shape with an opaque color.

    A stroke is at least one pixel wide.
    """
    if outline.shape.stroke > 0:
        thickness = max(1, round(outline.shape.stroke * outline.scale))
        cv2.polylines(image, [outline.path], False, color, thickness, line, BITS)
    else:
        cv2.fillPoly(image, [outline.path], color, line, BITS)


def opacity(outline: Outline) -> float:
    """Return a shape's alpha, lower for thin lines."""
    thickness = outline.shape.stroke * outline.scale
    return outline.shape.alpha * (thickness if 0 < thickness < 1 else 1.0)


def coverage(outline: Outline, line: int = cv2.LINE_AA) -> Mask:
    """Return each pixel's coverage, 0 to 255, with soft edges."""
    mask = np.zeros((outline.bottom - outline.top, outline.right - outline.left), np.uint8)
    fill(mask, outline.inside(), 255, line)
    reach = round(outline.shape.soft * outline.scale)
    if reach > 0:
        # Two boxes are near enough to a Gaussian of this deviation, and do not slow down with it.
        mask = cv2.blur(cv2.blur(mask, (2 * reach + 1, 2 * reach + 1)), (2 * reach + 1, 2 * reach + 1))
    return mask


def blend(view: Image, color: Ink, weight: np.ndarray) -> None:
    """Blend a color into an image in place.

    Weights are floats of 0..1, one per pixel.
    """
    cv2.blendLinear(view, np.full_like(view, color), 1 - weight, weight, view)


def lay(image: Image, outline: Outline, color: Ink, line: int = cv2.LINE_AA) -> None:
    """Paint one shape into an image in place."""
    strength = opacity(outline)
    if outline.shape.soft * outline.scale >= 0.5:
        blend(outline.view(image), color, coverage(outline, line) * np.float32(strength / 255))
    elif strength >= 1:
        fill(image, outline, color, line)
    else:
        view = outline.view(image)
        over = view.copy()
        fill(over, outline.inside(), color, line)
        cv2.addWeighted(over, strength, view, 1 - strength, 0, view)


def sky(drawing: DisplayList, width: int, height: int) -> Image:
    """Paint the sky's gradient."""
    return np.repeat(sky_column(drawing, height).round().astype(np.uint8), width, axis=1)


def sky_column(drawing: DisplayList, height: int) -> np.ndarray:
    """Return the sky's color per row, (height, 1, 3) float32.

    0 to 255.
    """
    rows = (np.arange(height) + 0.5) / height
    stops = [stop for stop, _ in drawing.sky]
    column = [np.interp(rows, stops, [color[part] * 255 for _, color in drawing.sky]) for part in range(3)]
    return np.stack(column, axis=-1).astype(np.float32)[:, None]
