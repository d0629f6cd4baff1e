"""Square images, as CLIP's vision tower sees them."""

import numpy as np


def crop_square(image: np.ndarray) -> np.ndarray:
    """Return the square at the center of an image, (height, width, 3)."""
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def pad_square(image: np.ndarray) -> np.ndarray:
    """Return an image made square by repeating its edges."""
    side = max(image.shape[:2])
    fill = [((side - length) // 2, (side - length + 1) // 2) for length in image.shape[:2]]
    return np.pad(image, (*fill, (0, 0)), mode="edge")
