"""In-betweens: pictures between two, in the way that is asked for."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from sakuga.finishing.flow import crossfade, pair
from sakuga.finishing.image import Picture
from sakuga.finishing.precipitation import falling
from sakuga.timeline.spec import Way

At: TypeAlias = Callable[[float], Picture]
"""Makes the picture at any moment between two: 0.0 is the first, 1.0 the second."""


class Interpolator(Protocol):
    """Looks at two pictures of one size, once for all that lie between them. A learned one has the same shape."""

    def __call__(self, first: Picture, second: Picture) -> At:
        """Return what makes any picture between; at 0.0 and 1.0 it gives back the pictures themselves."""
        ...


def inbetweener(first: Picture, second: Picture, way: Way = "flow", latent: Interpolator | None = None) -> At:
    """Return what makes any picture between two; `latent` interpolates in a model's latent space, where a film asks for it."""
    match way:
        case "flow":
            return flowed(first, second)
        case "crossfade":
            return crossfaded(first, second)
        case "latent":
            assert latent, "only a model has latents"
            return latent(first, second)


def flowed(first: Picture, second: Picture) -> At:
    """Move what moves by optical flow, and what falls (rain, snow) as groups; what neither explains is cross-faded."""
    fall = falling(first, second)
    if fall is None:
        return pair(first, second).at
    behind = pair(*fall.cleaned)

    def at(place: float) -> Picture:
        if 0.0 < place < 1.0:
            return fall.drawn_on(behind.at(place), place)
        return (second if place >= 1.0 else first).copy()

    return at


def crossfaded(first: Picture, second: Picture) -> At:
    """Mix the two."""
    return lambda at: crossfade(first, second, at)
