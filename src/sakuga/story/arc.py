"""A small arc over a film's shots: time passes, the weather turns, something comes in."""

import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

from sakuga.sketchbook.caption_reading import Stated
from sakuga.sketchbook.labels import Expression, Extra, Side, Time, Weather

OPEN_ARCS: tuple[tuple[Time, ...], ...] = (("dawn", "day", "sunset"), ("day", "sunset", "night"))
DIM_ARC: tuple[Time, ...] = ("sunset", "night")
WEATHER_ARCS: tuple[tuple[Weather, Weather], ...] = (("clear", "cloudy"), ("fog", "clear"), ("cloudy", "rain"), ("clear", "snow"))
DRY_ARCS = WEATHER_ARCS[:1]
COLD_ARCS = (WEATHER_ARCS[0], WEATHER_ARCS[1], WEATHER_ARCS[3])
DWELLINGS = ("cottage", "cabin", "houses", "castle", "tower", "lighthouse", "windmill")
BLOOMING = ("meadow", "hills", "valley", "village")
WATER = ("sea", "lake")
AFLOAT = ("boat", "whale", "balloon")
_DIM = re.compile(r"\b(?:dark|gloomy|shadowy|lanterns?|fireflies|campfire|neon)\b", re.IGNORECASE)
_FAIR = re.compile(r"\bsummer(?:time)?\b", re.IGNORECASE)
_WARM = re.compile(r"\b(?:spring(?:time)?|autumn|jungle|tropical|palms?|blossoms?)\b", re.IGNORECASE)
_INDOORS = re.compile(
    r"\b(?:indoors|inside|room|bedroom|kitchen|library|cave|cellar|attic|tavern|workshop|classroom|underwater|fireplace)\b", re.IGNORECASE
)
MOODS: tuple[Expression, ...] = ("calm", "smiling", "surprised")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a shot adds to the idea's own words; None or nothing where the idea speaks, or nothing is said."""

    time: Time | None = None
    weather: Weather | None = None
    season: str = ""
    extras: tuple[Extra, ...] = ()
    side: Side | None = None
    mood: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the words of a shot state, the light, weather and season that the film has reached, and whether it plays indoors.

    `weather_told` says that the words state a weather as the Sketchbook does, so that it need not be added.
    """

    stated: Stated
    time: Time | None
    weather: Weather | None
    season: str = ""
    weather_told: bool = False
    indoors: bool = False


def beats(scenes: list[Scene], rng: random.Random) -> list[Beat]:
    """Plan one beat a shot, no two alike while there is more to show; what the words state of weather, side or mood is left alone."""
    enters = rng.random() < 0.5
    planned: list[Beat] = []
    shown: set[tuple[object, ...]] = set()
    for index, scene in enumerate(scenes):
        progress, here = index / len(scenes), scene.stated
        mood = MOODS[int(progress * len(MOODS))] if here.close_up and here.expression is None else None
        weather = "snow" if scene.season == "winter" and here.weather is None else scene.weather
        beat = Beat(time=scene.time, weather=None if scene.weather_told else weather, season=scene.season, mood=mood)
        variants = list(_variants(beat, scene, index, enters and progress >= 0.4))
        fresh = (variant for variant in variants if _shown(variant) not in shown)
        sayable = [variant for variant in variants if variant.extras] or variants
        planned.append(next(fresh, sayable[index % len(sayable)]))
        shown.add(_shown(planned[-1]))
    return planned


def open_times(whole: Stated, idea: str, rng: random.Random) -> tuple[Time, ...]:
    """Return the times of day that a film goes through whose idea states none."""
    if "sun" in whole.extras:
        return OPEN_ARCS[0]
    return DIM_ARC if _DIM.search(idea) else rng.choice(OPEN_ARCS)


def open_weathers(whole: Stated, idea: str, rng: random.Random) -> tuple[Weather, ...]:
    """Return the weather before and after it turns, where the idea states none; none where its sun, moon or stars need a clear sky."""
    if {"sun", "moon", "stars"} & whole.extras or indoors(idea):
        return ()
    if whole.place == "desert" or _FAIR.search(idea):
        return rng.choice(DRY_ARCS)
    cold = whole.place in ("mountains", "forest", "snowfield") and not _WARM.search(idea)
    return rng.choice(COLD_ARCS if cold else WEATHER_ARCS[:3])


def indoors(text: str) -> bool:
    """Return whether a text plays where neither sky nor weather is seen."""
    return _INDOORS.search(text) is not None


def _extras(scene: Scene, beat: Beat) -> list[Extra]:
    """Return what may be seen besides, at this time and in this weather, the most telling first."""
    stated = scene.stated
    if scene.indoors:
        return []
    weather = stated.weather or beat.weather or "clear"
    options: list[Extra] = []
    if beat.time == "night":
        options += ["moon", "stars"] if weather == "clear" else ["moon"] if weather == "cloudy" else []
    elif weather == "clear":
        options.append("sun")
    blooming = beat.time != "night" and weather not in ("rain", "snow")
    if stated.close_up:
        options += ["birds"] if beat.time != "night" else []
        options += ["flowers"] if blooming else []
    else:
        if beat.time in ("sunset", "night") and stated.subject in DWELLINGS:
            options.insert(0, "lit windows")
        options.insert(0 if beat.time != "night" else len(options), "birds")
        if stated.place in BLOOMING and blooming:
            options.append("flowers")
        if stated.place not in WATER and stated.subject not in AFLOAT:
            options.append("path")
    return [extra for extra in options if extra not in stated.extras]


def _shown(beat: Beat) -> tuple[object, ...]:
    """Return what can be seen of a beat, in whatever order it is said."""
    return beat.time, beat.weather, beat.season, frozenset(beat.extras), beat.side, beat.mood


def _variants(beat: Beat, scene: Scene, index: int, enters: bool) -> Iterator[Beat]:
    """Yield beats from the one wanted to ones that at least differ: other extras, more of them, somebody, another side."""
    here, options = scene.stated, _extras(scene, beat)
    turn = max(0, index - 1) % max(1, len(options))
    options = options[turn:] + options[:turn]
    pairs = map(list, itertools.combinations(options, 2))
    chosen = [[] if index == 0 else options[:1], *([extra] for extra in options), *pairs, options, []]
    alone = scene.indoors or here.close_up or here.place in WATER or here.subject in AFLOAT or "figure" in here.extras
    guests: list[tuple[Extra, ...]] = [()] if alone else [("figure",), ()] if enters else [(), ("figure",)]
    sides: list[Side | None] = [None, *get_args(Side)] if here.side is None and (here.subject or here.close_up) else [None]
    for side, guest, extras in itertools.product(sides, guests, chosen):
        yield replace(beat, extras=(*guest, *extras), side=side)
