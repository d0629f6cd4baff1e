"""What a picture of the world shows, as plain data: the words that captions, classifiers and planners share."""

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
HairColour = Literal["black", "brown", "blond", "red", "white", "blue", "green"]
HairLength = Literal["short", "long"]
DressColour = Literal["red", "orange", "yellow", "green", "blue", "purple", "white", "black"]
Expression = Literal["smiling", "sad", "surprised", "calm"]

LOOKS: tuple[Look, ...] = get_args(Look)

HELD_BACK_SUBJECTS: tuple[Subject, ...] = ("balloon", "whale")
"""Subjects that the base UNet never sees, so that teaching them can be shown."""
HELD_BACK_HAIR: HairColour = "green"
"""Nobody but held-back people has it; they wear a red star in it. The held-back character is one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """A close-up of one person."""

    person: Person
    hair: HairColour
    hair_length: HairLength
    dress: DressColour
    expression: Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Everything a caption may say about a picture; `portrait` is None in a landscape, and `subject` is "none" in a portrait."""

    time: Time
    weather: Weather
    place: Place
    subject: Subject
    side: Side
    extras: frozenset[Extra] = frozenset()
    portrait: Portrait | None = None


CHARACTER = Portrait(person="girl", hair=HELD_BACK_HAIR, hair_length="long", dress="yellow", expression="calm")
"""The held-back character, who is the same girl in every picture; only her expression changes."""


def composition_of(labels: Labels) -> Literal["portrait", "figure", "landscape"]:
    """Tell what a picture is made of: a face near by, somebody seen whole, or neither."""
    return "portrait" if labels.portrait else "figure" if "figure" in labels.extras else "landscape"
