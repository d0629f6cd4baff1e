"""In-betweens in latent space."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sakuga.diffusion.interpolation import slerp
from sakuga.models.checkpoint import Checkpoint

Picture: TypeAlias = NDArray[np.uint8]


def latent_between(checkpoint: Checkpoint, first: Picture, second: Picture) -> Callable[[float], Picture]:
    """Return what makes any picture between two: their latents are slerped and decoded.

    What each picture loses on its way through the autoencoder is added again in its share, so that nothing jumps at the ends.
    Sizes that the autoencoder does not divide are filled up at their edge meanwhile.
    """
    height, width = first.shape[:2]
    fill = tuple((0, -side % checkpoint.facts.factor) for side in (height, width))
    here, there = (checkpoint.encode_picture(np.pad(picture, (*fill, (0, 0)), mode="edge")) for picture in (first, second))
    lost = [picture - _seen(checkpoint.decode(one), height, width) for picture, one in ((first, here), (second, there))]

    def at(place: float) -> Picture:
        if not 0.0 < place < 1.0:
            return (second if place >= 1.0 else first).copy()
        decoded = _seen(checkpoint.decode(slerp(here, there, place)), height, width)
        return np.asarray(np.clip(np.rint(decoded + (1.0 - place) * lost[0] + place * lost[1]), 0, 255), np.uint8)

    return at


def _seen(decoded: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Take one decoded picture, in grey levels, without what it was filled up with."""
    return np.asarray(decoded[0, :height, :width] * np.float32(255.0))
