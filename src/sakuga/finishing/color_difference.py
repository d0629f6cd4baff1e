"""Perceptual color difference."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.floating[Any]]
Lab: TypeAlias = Values
"""(..., 3): lightness 0 to 100, a and b about -127 to 127."""


def ciede2000(first: Lab, second: Lab) -> NDArray[np.float32]:
    """Return the CIEDE2000 difference of Lab colors; inputs broadcast.

    1 is about just noticeable. Source: Sharma, Wu and Dalal 2005, equations 2 to 22.
    """
    chroma = (np.hypot(first[..., 1], first[..., 2]) + np.hypot(second[..., 1], second[..., 2])) / 2
    stretch = 1.5 - 0.5 * _saturation(chroma)
    lightness1, chroma1, hue1 = _cylinder(first, stretch)
    lightness2, chroma2, hue2 = _cylinder(second, stretch)
    grey = chroma1 * chroma2 == 0
    turn = np.where(grey, 0, (hue2 - hue1 + np.pi) % (2 * np.pi) - np.pi)
    mean_hue = np.where(grey, hue1 + hue2, (hue1 + turn / 2) % (2 * np.pi))
    lightness, chroma = (lightness1 + lightness2) / 2, (chroma1 + chroma2) / 2
    weight = (
        1
        - 0.17 * np.cos(mean_hue - np.radians(30))
        + 0.24 * np.cos(2 * mean_hue)
        + 0.32 * np.cos(3 * mean_hue + np.radians(6))
        - 0.20 * np.cos(4 * mean_hue - np.radians(63))
    )
    bend = 2 * _saturation(chroma) * np.sin(np.radians(60) * np.exp(-(((np.degrees(mean_hue) - 275) / 25) ** 2)))
    squared = (lightness - 50) ** 2
    light = (lightness2 - lightness1) / (1 + 0.015 * squared / np.sqrt(20 + squared))
    strong = (chroma2 - chroma1) / (1 + 0.045 * chroma)
    other = 2 * np.sqrt(chroma1 * chroma2) * np.sin(turn / 2) / (1 + 0.015 * chroma * weight)
    difference: NDArray[np.float32] = np.sqrt(light**2 + strong**2 + other**2 - bend * strong * other).astype(np.float32)
    return difference


def _saturation(chroma: Values) -> Values:
    seventh = chroma**7
    root: Values = np.sqrt(seventh / (seventh + np.float32(25.0**7)))
    return root


def _cylinder(lab: Lab, stretch: Values) -> tuple[Values, ...]:
    """Convert Lab to lightness, chroma and hue in radians.

    The a axis is stretched.
    """
    a, b = lab[..., 1] * stretch, lab[..., 2]
    return lab[..., 0], np.hypot(a, b), np.arctan2(b, a) % (2 * np.pi)
