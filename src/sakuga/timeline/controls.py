"""ControlNets of frames, laid out from those of a film or shot."""

from collections.abc import Sequence
from dataclasses import dataclass

from sakuga.story.keys import Number
from sakuga.timeline.keyed_values import number_at
from sakuga.timeline.spec import AppliedControl, Digest, Given, Hint, Warp, digest

STILL = Warp()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedControl:
    """A ControlNet of a shot; its weight may change over the frames."""

    network: Digest
    hint: Hint
    image: Given | None
    """The image that its hint is taken from; None is the image that a frame starts from."""
    weight: Number = 1.0
    start: float = 0.0
    end: float = 1.0
    guess: bool = False

    def at(self, place: float, image: Digest, warp: Warp) -> AppliedControl:
        """Return the ControlNet of the frame at a place."""
        return AppliedControl(
            network=self.network,
            frame=image,
            hint=self.hint,
            weight=number_at(self.weight, place),
            start=self.start,
            end=self.end,
            guess=self.guess,
            warp=warp,
        )


def controls_at(
    planned: Sequence[PlannedControl], place: float = 0.0, image: Digest | None = None, warp: Warp = STILL
) -> tuple[AppliedControl, ...]:
    """Return the ControlNets of the frame at a place.

    `image` is what the frame starts from, and `warp` the camera's move; without it, those that take their hint from it do not apply.
    """
    given = [one.at(place, digest(one.image), STILL) for one in planned if one.image]
    own = [one.at(place, image, warp) for one in planned if image and not one.image]
    return tuple(one for one in (*given, *own) if one.weight)
