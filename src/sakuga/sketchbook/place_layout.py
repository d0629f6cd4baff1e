"""What a place needs to know, and what it returns."""

from dataclasses import dataclass

import numpy as np

from sakuga.sketchbook.display_list import Points, Shape
from sakuga.sketchbook.scenery import FLOOR, height_at
from sakuga.sketchbook.sky import HourColors


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceContext:
    """What a place needs to know of its image."""

    aspect: float
    t: float
    hour: HourColors
    light_x: float
    focus: float
    """Where along x the subject stands or floats; the land keeps that spot free."""
    room: float
    """Half the width that stays free there."""
    bridged: bool
    """Is there a bridge, so that the river must run under it?"""
    landed: bool
    """Does something stand on land (so that the sea needs a shore there)?"""
    lit: bool
    """Do windows shine?"""

    def sway(self, x: float, amount: float) -> float:
        """Return the wind's displacement at x."""
        return 1.6 * amount * float(np.sin(2.0 * self.t + 7.0 * x))

    def aside(self, share: float) -> float:
        """Map 0..1 to an x clear of the subject."""
        gap = 2.0 * self.room + 0.14
        x = share * max(0.1, self.aspect - gap)
        return x + gap if x > self.focus - gap / 2 else x


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceLayout:
    """A place, with room for a subject in the middle."""

    back: list[Shape]
    front: list[Shape]
    ground: Points
    """The upper edge of the land that subjects stand on."""
    near: tuple[float, float]
    """Nearness of that land at its upper edge and at the bottom of the image."""
    drop: tuple[float, float]
    """How far below that edge feet stand, least and most."""
    waterline: float | None = None
    """Where boats float, if there is water."""

    def near_at(self, x: float, y: float) -> float:
        """Return the depth of the land at a point."""
        top = height_at(self.ground, x)
        return self.near[0] + (self.near[1] - self.near[0]) * min(1.0, max(0.0, (y - top) / (FLOOR - top)))
