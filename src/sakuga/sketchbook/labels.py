"""Labels of the Sketchbook's images."""

from dataclasses import dataclass
from typing import Literal, get_args

Time = Literal["dawn", "day", "sunset", "night"]
Weather = Literal["clear", "cloudy", "rain", "snow", "fog"]
Place = Literal["meadow", "hills", "valley", "mountains", "sea", "lake", "forest", "desert", "snowfield", "village"]
Subject = Literal[
    "none", "cottage", "cabin", "houses", "castle", "tower", "lighthouse", "windmill", "bridge", "tree", "boat", "dragon",
    "balloon", "whale",
]  # fmt: skip
Side = Literal["left", "centre", "right"]
Extra = Literal["sun", "moon", "stars", "birds", "flowers", "path", "lit windows", "figure"]
Look = Literal["flat", "watercolor", "cel", "luminous", "comic", "pixel"]

Person = Literal["girl", "boy", "woman", "man"]
HairColor = Literal["black", "brown", "blond", "red", "white", "blue", "green"]
HairLength = Literal["short", "long"]
DressColor = Literal["red", "orange", "yellow", "green", "blue", "purple", "white", "black"]
Expression = Literal["smiling", "sad", "surprised", "calm"]

LOOKS: tuple[Look, ...] = get_args(Look)

HELD_OUT_SUBJECTS: tuple[Subject, ...] = ("balloon", "whale")
"""Subjects that the base UNet is never trained on, so that training them can be shown."""
HELD_OUT_HAIR: HairColor = "green"
"""Hair color of held-out people only; they have a red star in it. The held-out character is one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """How one person looks."""

    person: Person
    hair: HairColor
    hair_length: HairLength
    dress: DressColor
    expression: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Everything a caption may state about an image.

    `portrait` is None in a landscape, and `subject` is "none" in a portrait. `second` is a smaller subject on another side, `walker` a
    person seen whole, who walks; both are in landscapes only, and never together.
    """

    time: Time
    weather: Weather
    place: Place
    subject: Subject
    side: Side
    extras: frozenset[Extra] = frozenset()
    portrait: Portrait | None = None
    second: Subject = "none"
    walker: Portrait | None = None


CHARACTER = Portrait(person="girl", hair=HELD_OUT_HAIR, hair_length="long", dress="yellow", expression="calm")
"""The held-out character: the same girl in every image; only her expression changes."""


def composition_of(labels: Labels) -> Literal["portrait", "figure", "landscape"]:
    """Return the composition: portrait, figure or landscape."""
    return "portrait" if labels.portrait else "figure" if labels.walker or "figure" in labels.extras else "landscape"
