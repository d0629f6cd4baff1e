"""In-betweens by interpolation in latent space."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sakuga.diffusion.interpolation import slerp
from sakuga.models.checkpoint import Checkpoint

Image: TypeAlias = NDArray[np.uint8]


def latent_interpolator(checkpoint: Checkpoint, first: Image, second: Image) -> Callable[[float], Image]:
    """Return a function of place that interpolates two images.

    At 0 to 1 it slerps their latents and decodes them. Each image's reconstruction error is added back in its share, so that both ends are
    exact. Sizes that the autoencoder does not divide are padded at the edge meanwhile. Images are uint8, or float grey levels that are not
    rounded.
    """
    height, width = first.shape[:2]
    fill = tuple((0, -side % checkpoint.info.vae_scale_factor) for side in (height, width))
    start, end = (checkpoint.encode(np.pad(image, (*fill, (0, 0)), mode="edge")) for image in (first, second))
    errors = [image - _cropped(checkpoint.decode(one), height, width) for image, one in ((first, start), (second, end))]

    def at(place: float) -> Image:
        if not 0.0 < place < 1.0:
            return (second if place >= 1.0 else first).copy()
        decoded = _cropped(checkpoint.decode(slerp(start, end, place)), height, width)
        image = np.clip(decoded + (1.0 - place) * errors[0] + place * errors[1], 0, 255)
        return np.asarray(np.rint(image) if first.dtype == np.uint8 else image, first.dtype)

    return at


def _cropped(decoded: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Return one decoded image in grey levels, without its padding."""
    return np.asarray(decoded[0, :height, :width] * np.float32(255.0))
