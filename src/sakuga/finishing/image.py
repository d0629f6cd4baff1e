"""What finishing takes in and hands out."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
"""(height, width, 3) uint8 RGB."""
Colours: TypeAlias = NDArray[np.uint8]
"""(colours, 3) uint8 RGB."""


def rounded(values: NDArray[np.float32]) -> Picture:
    """Round values of 0 to 255 to a picture; what lies beyond is cut off."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
