"""Image and palette types, and rounding to 8 bits."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sakuga.timeline.clip import Image as Image

Palette: TypeAlias = NDArray[np.uint8]
"""(colors, 3) RGB."""


def rounded(values: NDArray[np.float32]) -> Image:
    """Round and clip values to 0-255 uint8."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
