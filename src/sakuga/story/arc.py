"""A small arc over a film's shots: time passes, the weather turns, something comes in."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import get_args

from sakuga.sketchbook.labels import Expression, Extra, Side, Time, Weather
from sakuga.sketchbook.reading import Stated

NEXT: dict[Time, tuple[Time, ...]] = {
    "dawn": ("dawn", "day"),
    "day": ("day", "sunset", "night"),
    "sunset": ("sunset", "night"),
    "night": ("night", "dawn"),
}
OPEN_ARCS: tuple[tuple[Time, ...], ...] = (("dawn", "day", "sunset"), ("day", "sunset", "night"))
WEATHER_ARCS: tuple[tuple[Weather, Weather], ...] = (("clear", "cloudy"), ("fog", "clear"), ("cloudy", "rain"), ("clear", "snow"))
DRY_ARCS = WEATHER_ARCS[:1]
COLD_ARCS = (WEATHER_ARCS[0], WEATHER_ARCS[1], WEATHER_ARCS[3])
DWELLINGS = ("cottage", "cabin", "houses", "castle", "tower", "lighthouse", "windmill")
BLOOMING = ("meadow", "hills", "valley", "village")
WATER = ("sea", "lake")
AFLOAT = ("boat", "whale", "balloon")
MOODS: tuple[Expression, ...] = ("calm", "smiling", "surprised")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a shot adds to the idea's own words; None where the idea speaks, or nothing is said."""

    time: Time | None = None
    weather: Weather | None = None
    extras: tuple[Extra, ...] = ()
    side: Side | None = None
    mood: Expression | None = None


def beats(whole: Stated, scenes: list[Stated], passes: tuple[Time, ...], rng: random.Random) -> list[Beat]:
    """Plan one beat a shot, no two alike while there is more to show.

    `whole` is what the idea states, `scenes` what the scene of each shot does, `passes` the times of day that the idea itself goes
    through. What is stated of weather, side or mood is left alone; the time may go on.
    """
    times, turn = passes if len(passes) > 1 else _times(whole, rng), _weathers(whole, rng)
    enters = rng.random() < 0.5
    planned: list[Beat] = []
    shown: set[tuple[object, ...]] = set()
    for index, here in enumerate(scenes):
        progress = index / len(scenes)
        time = here.time if here.time and here != whole else _time_at(times, progress, stays=len(passes) == 1)
        weather = turn[0 if progress < 0.4 else 1] if turn and here.weather is None else None
        mood = MOODS[int(progress * len(MOODS))] if here.close_up and here.expression is None else None
        beat = Beat(time=time, weather=weather, mood=mood)
        variants = list(_variants(beat, here, index, enters and progress >= 0.4))
        fresh = (variant for variant in variants if _shown(variant) not in shown)
        sayable = [variant for variant in variants if variant.extras] or variants
        planned.append(next(fresh, sayable[index % len(sayable)]))
        shown.add(_shown(planned[-1]))
    return planned


def _times(stated: Stated, rng: random.Random) -> tuple[Time, ...]:
    """Return the times of day that a film may go through."""
    if {"moon", "stars"} & stated.extras:
        return ("sunset", "night") if stated.time == "sunset" else ("night",)
    if stated.time is None:
        return OPEN_ARCS[0] if "sun" in stated.extras else rng.choice(OPEN_ARCS)
    following = NEXT[stated.time]
    return tuple(time for time in following if time != "night") or (stated.time,) if "sun" in stated.extras else following


def _time_at(times: tuple[Time, ...], progress: float, *, stays: bool) -> Time:
    """Spread the times evenly; the idea's own time keeps the first half for itself."""
    if not stays or len(times) == 1:
        return times[int(progress * len(times))]
    return times[0] if progress < 0.5 else times[1 + int((progress - 0.5) * 2 * (len(times) - 1))]


def _weathers(stated: Stated, rng: random.Random) -> tuple[Weather, Weather] | None:
    """Return the weather before and after it turns; None where the idea states it, or its sun, moon or stars need a clear sky."""
    if stated.weather is not None or {"sun", "moon", "stars"} & stated.extras:
        return None
    if stated.place == "desert":
        return rng.choice(DRY_ARCS)
    return rng.choice(COLD_ARCS if stated.place in ("mountains", "forest", "snowfield") else WEATHER_ARCS[:3])


def _extras(stated: Stated, beat: Beat) -> list[Extra]:
    """Return what may be seen besides, at this time and in this weather, the most telling first."""
    weather = stated.weather or beat.weather or "clear"
    options: list[Extra] = []
    if beat.time == "night":
        options += ["moon", "stars"] if weather == "clear" else ["moon"] if weather == "cloudy" else []
    elif weather == "clear":
        options.append("sun")
    if stated.close_up:
        options += ["flowers"] if beat.time == "night" else ["birds", "flowers"]
    else:
        if beat.time in ("sunset", "night") and stated.subject in DWELLINGS:
            options.insert(0, "lit windows")
        options.insert(0 if beat.time != "night" else len(options), "birds")
        if stated.place in BLOOMING and weather != "snow":
            options.append("flowers")
        if stated.place not in WATER and stated.subject not in AFLOAT:
            options.append("path")
    return [extra for extra in options if extra not in stated.extras]


def _shown(beat: Beat) -> tuple[object, ...]:
    """Return what can be seen of a beat, in whatever order it is said."""
    return beat.time, beat.weather, frozenset(beat.extras), beat.side, beat.mood


def _variants(beat: Beat, here: Stated, index: int, enters: bool) -> Iterator[Beat]:
    """Yield beats from the one wanted to ones that at least differ: other extras, more of them, somebody, another side."""
    options = _extras(here, beat)
    turn = max(0, index - 1) % max(1, len(options))
    options = options[turn:] + options[:turn]
    pairs = map(list, itertools.combinations(options, 2))
    chosen = [[] if index == 0 else options[:1], *([extra] for extra in options), *pairs, options, []]
    alone = here.close_up or here.place in WATER or "figure" in here.extras
    guests: list[tuple[Extra, ...]] = [()] if alone else [("figure",), ()] if enters else [(), ("figure",)]
    sides: list[Side | None] = [None, *get_args(Side)] if here.side is None and (here.subject or here.close_up) else [None]
    for side, guest, extras in itertools.product(sides, guests, chosen):
        yield replace(beat, extras=(*guest, *extras), side=side)
