"""Random labels: what occurs together, and how often."""

from bisect import bisect
from dataclasses import replace
from itertools import accumulate
from typing import TypeVar, get_args

import numpy as np

from sakuga.sketchbook.labels import (
    HELD_OUT_HAIR,
    HELD_OUT_SUBJECTS,
    DressColor,
    Expression,
    Extra,
    HairColor,
    HairLength,
    Labels,
    Person,
    Place,
    Portrait,
    Side,
    Subject,
    Time,
    Weather,
)  # fmt: skip
from sakuga.sketchbook.words import PLURALS

Choice = TypeVar("Choice")

_EVERYWHERE: tuple[Place, ...] = get_args(Place)
WHERE: dict[Subject, tuple[Place, ...]] = {
    "none": _EVERYWHERE,
    "cottage": ("meadow", "hills", "valley", "mountains", "forest", "lake", "snowfield", "sea"),
    "cabin": ("mountains", "forest", "snowfield", "lake", "valley", "hills", "meadow", "desert"),
    "houses": ("meadow", "hills", "valley", "mountains", "lake", "snowfield", "forest", "desert", "sea"),
    "castle": ("hills", "mountains", "valley", "meadow", "lake", "sea", "forest", "snowfield", "desert", "village"),
    "tower": ("hills", "mountains", "desert", "forest", "snowfield", "meadow", "sea", "valley", "village"),
    "lighthouse": ("sea", "sea", "sea", "lake"),
    "windmill": ("meadow", "hills", "village", "valley", "lake", "desert", "snowfield"),
    "bridge": ("valley", "lake", "forest", "meadow", "village", "mountains", "snowfield", "hills"),
    "tree": ("meadow", "hills", "valley", "lake", "village", "desert", "snowfield", "mountains"),
    "boat": ("sea", "sea", "lake"),
    "dragon": _EVERYWHERE,
    "balloon": _EVERYWHERE,
    "whale": ("sea", "sea", "lake"),
}
"""The places of each subject; one named twice is twice as likely."""
_RARER: dict[Place, float] = {"sea": 0.42, "lake": 0.55, "desert": 1.35, "village": 2.0, "snowfield": 1.15, "forest": 1.1}
"""Weights that even out the places, which are 1 unless named."""
AFLOAT: tuple[Subject, ...] = ("boat", "whale")
AIRBORNE: tuple[Subject, ...] = ("balloon",)
WINDOWED: tuple[Subject, ...] = ("cottage", "cabin", "houses", "castle", "tower", "lighthouse", "windmill")
_WALKED: tuple[Place, ...] = ("meadow", "hills", "mountains", "forest", "desert", "snowfield", "village")
_BLOOMING: tuple[Place, ...] = ("meadow", "hills", "valley", "village", "lake")


def sample_labels(
    rng: np.random.Generator, *, portrait: bool | None = None, with_held_out: bool = False, accompanied: bool = False
) -> Labels:
    """Sample the labels of one image.

    `portrait` None means about 22% close-ups; without `with_held_out`, subjects and hair that the base model must not know stay out. With
    `accompanied`, two landscapes in five also have a walking person or a second subject.
    """
    close_up = rng.random() < 0.22 if portrait is None else portrait
    time = _one(rng, get_args(Time))
    weather: Weather = _one(rng, get_args(Weather), (0.32, 0.20, 0.16, 0.16, 0.16))
    if close_up:
        place: Place = _one(rng, _EVERYWHERE)
        extras = _sky_extras(rng, time, weather)
        return Labels(
            time=time,
            weather=weather,
            place=place,
            subject="none",
            side="centre",
            extras=frozenset(extras),
            portrait=_person(rng, with_held_out),
        )
    subject = _subject(rng, with_held_out)
    places = WHERE[subject]
    place = _one(rng, places, tuple(_RARER.get(name, 1.0) for name in places))
    extras = _sky_extras(rng, time, weather) | _land_extras(rng, time, weather, place, subject)
    labels = Labels(time=time, weather=weather, place=place, subject=subject, side=_one(rng, get_args(Side)), extras=frozenset(extras))
    return _accompanied(rng, labels, with_held_out) if accompanied else labels


def _accompanied(rng: np.random.Generator, labels: Labels, with_held_out: bool) -> Labels:
    """Add a walking person, a second subject or nothing."""
    walks, joined, alone, twin = rng.random(4).tolist()
    if walks < 0.22 and labels.place not in ("sea", "lake") and labels.subject not in (*AFLOAT, "bridge"):
        subject: Subject = "none" if alone < 0.5 else labels.subject
        extras = labels.extras - {"figure"} - (frozenset() if subject in WINDOWED or labels.place == "village" else {"lit windows"})
        return replace(labels, subject=subject, walker=replace(_person(rng, with_held_out), expression="calm"), extras=extras)
    if joined < 0.25 and labels.subject != "none":
        fitting = tuple(
            name for name in get_args(Subject)[1:]
            if labels.place in WHERE[name] and (with_held_out or name not in HELD_OUT_SUBJECTS) and name not in (labels.subject, "bridge")
        )  # fmt: skip
        return replace(labels, second=labels.subject if twin < 0.25 and labels.subject in PLURALS else _one(rng, fitting))
    return labels


def _one(rng: np.random.Generator, choices: tuple[Choice, ...], weights: tuple[float, ...] | None = None) -> Choice:
    if weights is None:
        return choices[int(rng.random() * len(choices))]
    edges = list(accumulate(weights))
    return choices[bisect(edges, rng.random() * edges[-1])]


def _subject(rng: np.random.Generator, with_held_out: bool) -> Subject:
    if rng.random() < 0.12:
        return "none"
    return _one(rng, tuple(name for name in get_args(Subject)[1:] if with_held_out or name not in HELD_OUT_SUBJECTS))


def _person(rng: np.random.Generator, with_held_out: bool) -> Portrait:
    return Portrait(
        person=_one(rng, get_args(Person)),
        hair=_one(rng, tuple(hair for hair in get_args(HairColor) if with_held_out or hair != HELD_OUT_HAIR)),
        hair_length=_one(rng, get_args(HairLength)),
        dress=_one(rng, get_args(DressColor)),
        expression=_one(rng, get_args(Expression)),
    )


def _sky_extras(rng: np.random.Generator, time: Time, weather: Weather) -> set[Extra]:
    sun, moon, stars, flock = (rng.random(4) < (0.6, 0.6, 0.75, 0.3)).tolist()
    extras: set[Extra] = set()
    if time == "night":
        if moon and weather in ("clear", "cloudy"):
            extras.add("moon")
        if stars and weather == "clear":
            extras.add("stars")
        return extras
    if sun and weather in ("clear", "cloudy"):
        extras.add("sun")
    if flock and weather in ("clear", "cloudy", "fog"):
        extras.add("birds")
    return extras


def _land_extras(rng: np.random.Generator, time: Time, weather: Weather, place: Place, subject: Subject) -> set[Extra]:
    flowery, walked, lit, person = (rng.random(4) < (0.4, 0.3, 0.75 if time == "night" else 0.45, 0.16)).tolist()
    extras: set[Extra] = set()
    if flowery and place in _BLOOMING and weather != "snow" and subject not in AFLOAT:
        extras.add("flowers")
    if walked and place in _WALKED and subject not in (*AFLOAT, "bridge"):
        extras.add("path")
    if lit and time in ("night", "sunset") and (subject in WINDOWED or place == "village"):
        extras.add("lit windows")
    if person and place != "sea" and subject not in AFLOAT:
        extras.add("figure")
    return extras
