"""Display lists: shapes that a look paints.

Picture units: y runs from 0 (top) to 1 (bottom), x from 0 to the aspect ratio (width / height).
Shapes are painted in order, the later over the earlier.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

Points = np.ndarray  # (n, 2) float, x and y
Color = tuple[float, float, float]  # red, green, blue, each 0 to 1

Material = Literal[
    "sky", "cloud", "far", "ground", "water", "foliage", "building", "skin", "hair", "cloth", "detail", "light", "mist", "fall"
]
"""What a shape is made of; looks choose their strokes by it. "fall" is rain and snow, "far" is distant land."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A filled polygon, or an open line.

    A line if `stroke` > 0, its width.
    """

    points: Points
    color: Color
    material: Material
    near: tuple[float, float] = (0.0, 0.0)
    """Nearness at the shape's top and bottom edge: 0 is the sky, 1 is at the lens (as in a depth map for control)."""
    alpha: float = 1.0
    glow: float = 0.0
    """How much it shines by itself: 0 takes the light of the hour, 1 keeps its own color and may bloom."""
    soft: float = 0.0
    """Blur of its edge, in image units."""
    stroke: float = 0.0
    """Width of the line, in image units; 0 is a filled polygon."""
    ink: bool = True
    """Whether an ink line may be drawn around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayList:
    """A whole image, not painted yet."""

    aspect: float
    sky: tuple[tuple[float, Color], ...]
    """The sky's gradient: (height from 0 to 1, color), from the top down."""
    shapes: tuple[Shape, ...]
    light_from: tuple[float, float]
    """Where the sun or moon stands, in image units (it may be outside the image)."""
    light: Color
    """The color of that light: looks shade and glow with it."""
    seed: int
    """Seed of the paper's grain and other randomness of a look; constant along a moving scene."""


def placed(shapes: Iterable[Shape], x: float, y: float, scale: float, near: float, flip: bool = False) -> list[Shape]:
    """Move shapes from local units into the image.

    Local units: foot at (0, 0), one unit high; they go to (x, y), all at one depth.
    """
    stretch, foot = np.array((-scale if flip else scale, scale)), np.array((x, y))
    return [
        Shape(
            points=shape.points * stretch + foot,
            color=shape.color,
            material=shape.material,
            near=(near, near),
            alpha=shape.alpha,
            glow=shape.glow,
            soft=shape.soft * scale,
            stroke=shape.stroke * scale,
            ink=shape.ink,
        )
        for shape in shapes
    ]
