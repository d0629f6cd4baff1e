"""In-betweens: interpolation between two images."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from sakuga.finishing.image import Image, in_8_bits, rounded_like
from sakuga.timeline.spec import InBetweenMethod

Interpolation: TypeAlias = Callable[[float], Image]
"""From a moment between two images, 0.0 (the first) to 1.0 (the second), to the image there."""


class Interpolator(Protocol):
    """Prepares the interpolation between two images of one size."""

    def __call__(self, first: Image, second: Image) -> Interpolation:
        """Return the interpolation.

        At 0.0 and 1.0 it returns the images themselves.
        """
        ...


def interpolation_between(
    first: Image, second: Image, method: InBetweenMethod = "flow", latent: Interpolator | None = None
) -> Interpolation:
    """Return the interpolation between two images.

    The method "latent" needs `latent`, a model's latent-space interpolator.
    """
    match method:
        case "flow":
            return flow_interpolation(first, second)
        case "crossfade":
            return crossfade_interpolation(first, second)
        case "latent":
            assert latent, "only a model has latents"
            return latent(first, second)


def flow_interpolation(first: Image, second: Image) -> Interpolation:
    """Interpolate by optical flow, and precipitation as falling groups.

    What neither explains is cross-faded, and so are images that the flow does not match: specks cut out of one would show its sky in the
    other. Where specks fall, the images between are rounded.
    """
    from sakuga.finishing.flow import MIN_CONFIDENCE, both_flows, flow_pair
    from sakuga.finishing.precipitation import find_precipitation

    flows = both_flows(first, second)
    pair = flow_pair(first, second, flows)
    precipitation = find_precipitation(in_8_bits(first), in_8_bits(second), flows) if pair.confidence >= MIN_CONFIDENCE else None
    if precipitation is None:
        return pair.at
    background = flow_pair(*precipitation.cleaned)

    def at(place: float) -> Image:
        if 0.0 < place < 1.0:
            return rounded_like(first, precipitation.painted_on(background.at(place), place))
        return (second if place >= 1.0 else first).copy()

    return at


def crossfade_interpolation(first: Image, second: Image) -> Interpolation:
    """Interpolate by a linear blend."""
    from sakuga.finishing.flow import crossfade

    return lambda at: crossfade(first, second, at)
