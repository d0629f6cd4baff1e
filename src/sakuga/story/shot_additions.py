"""What the offline planner adds to an idea's words.

Passing time, changing weather, something that enters.
"""

import itertools
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar, get_args

from sakuga.sketchbook.caption_reading import Stated
from sakuga.sketchbook.labels import Expression, Extra, Side, Time, Weather
from sakuga.sketchbook.words import Fact

TIME_COURSES: tuple[tuple[Time, ...], ...] = (("dawn", "day", "sunset"), ("day", "sunset", "night"))
DIM_TIME_COURSE: tuple[Time, ...] = ("sunset", "night")
WEATHER_COURSES: tuple[tuple[Weather, Weather], ...] = (("clear", "cloudy"), ("fog", "clear"), ("cloudy", "rain"), ("clear", "snow"))
DRY_COURSES = WEATHER_COURSES[:1]
COLD_COURSES = (WEATHER_COURSES[0], WEATHER_COURSES[1], WEATHER_COURSES[3])
DWELLINGS = ("cottage", "cabin", "houses", "castle", "tower", "lighthouse", "windmill")
BLOOMING = ("meadow", "hills", "valley", "village")
WATER = ("sea", "lake")
AFLOAT = ("boat", "whale", "balloon")
_DIM = re.compile(r"\b(?:dark|gloomy|shadowy|lanterns?|fireflies|campfire|neon)\b", re.IGNORECASE)
_FAIR = re.compile(r"\b(?:summer(?:time)?|sommer|été|verano)\b", re.IGNORECASE)
_WARM = re.compile(r"\b(?:spring(?:time)?|autumn|jungle|tropical|palms?|blossoms?)\b", re.IGNORECASE)
_INDOORS = re.compile(
    r"\b(?:indoors|inside|room|bedroom|kitchen|library|cave|cellar|attic|tavern|workshop|classroom|underwater|fireplace)\b", re.IGNORECASE
)
EXPRESSIONS: tuple[Expression, ...] = ("calm", "smiling", "surprised")

Value = TypeVar("Value", bound=str)
Excluded = frozenset[Fact]
"""Facts that nothing may add, since the idea denies them or the negative prompt names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """What a shot adds to the idea's words.

    None or empty adds nothing.
    """

    time: Time | None = None
    weather: Weather | None = None
    season: str = ""
    extras: tuple[Extra, ...] = ()
    side: Side | None = None
    expression: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The stated facts and course of a shot.

    `time`, `weather` and `season` are those that the film has reached.

    `states_weather` is True where the words state the weather in a caption phrase, so that it need not be added.
    """

    stated: Stated
    time: Time | None
    weather: Weather | None
    season: str = ""
    states_weather: bool = False
    indoors: bool = False


def plan_additions(scenes: list[Scene], rng: random.Random, excluded: Excluded = frozenset()) -> list[Additions]:
    """Plan additions for each shot, preferably all different.

    What has entered stays if it can. Nothing is added where the words state the attribute themselves, and nothing that is excluded.
    """
    enters = rng.random() < 0.5
    planned: list[Additions] = []
    shown: set[tuple[object, ...]] = set()
    for index, scene in enumerate(scenes):
        progress = index / len(scenes)
        basic = _basic_additions(scene, progress, excluded)
        variants = list(_variants(basic, scene, index, enters and progress >= 0.4, excluded))
        if planned:
            variants.sort(key=partial(_restlessness, planned[-1]))
        fresh = (variant for variant in variants if _visible(variant) not in shown)
        with_extras = [variant for variant in variants if variant.extras] or variants
        chosen = next(fresh, with_extras[index % len(with_extras)])
        planned.append(replace(chosen, extras=_in_order_of_entry(chosen, planned)))
        shown.add(_visible(chosen))
    return planned


def _restlessness(before: Additions, after: Additions) -> tuple[int, int]:
    """Order variants: nothing leaves, and one thing enters."""
    return len(set(before.extras) - set(after.extras)), abs(len(set(after.extras) - set(before.extras)) - 1)


def _in_order_of_entry(chosen: Additions, before: list[Additions]) -> tuple[Extra, ...]:
    entered = before[-1].extras if before else ()
    return (*(extra for extra in entered if extra in chosen.extras), *(extra for extra in chosen.extras if extra not in entered))


def time_course(whole: Stated, idea: str, rng: random.Random, excluded: Excluded = frozenset()) -> tuple[Time, ...]:
    """Return the times of day if none is stated."""
    if "sun" in whole.extras:
        courses: tuple[tuple[Time, ...], ...] = TIME_COURSES[:1]
    elif _DIM.search(idea):
        courses = (DIM_TIME_COURSE,)
    else:
        courses = TIME_COURSES
    course = courses[0] if len(courses) == 1 else rng.choice(courses)
    return _allowed("time", course, courses, rng, excluded)


def weather_course(whole: Stated, idea: str, rng: random.Random, excluded: Excluded = frozenset()) -> tuple[Weather, ...]:
    """Return the weather's course if none is stated.

    Empty where sun, moon or stars need a clear sky, indoors, or if all is excluded.
    """
    if {"sun", "moon", "stars"} & whole.extras or indoors(idea):
        return ()
    if whole.place == "desert" or _FAIR.search(idea):
        courses = DRY_COURSES
    else:
        cold = whole.place in ("mountains", "forest", "snowfield") and not _WARM.search(idea)
        courses = COLD_COURSES if cold else WEATHER_COURSES[:3]
    return _allowed("weather", rng.choice(courses), courses, rng, excluded)


def indoors(text: str) -> bool:
    """Return whether a text takes place indoors."""
    return _INDOORS.search(text) is not None


def _allowed(
    attribute: str, course: tuple[Value, ...], courses: Sequence[tuple[Value, ...]], rng: random.Random, excluded: Excluded
) -> tuple[Value, ...]:
    """Return a course without excluded values.

    The course itself, another one, or what is left of it.
    """
    if not any((attribute, value) in excluded for value in course):
        return course
    allowed = [other for other in courses if not any((attribute, value) in excluded for value in other)]
    return rng.choice(allowed) if allowed else tuple(value for value in course if (attribute, value) not in excluded)


def _basic_additions(scene: Scene, progress: float, excluded: Excluded) -> Additions:
    here = scene.stated
    expressions = [expression for expression in EXPRESSIONS if ("expression", expression) not in excluded]
    shows_face = here.close_up and here.expression is None and expressions
    snows = scene.season == "winter" and here.weather is None and ("weather", "snow") not in excluded
    return Additions(
        time=scene.time,
        weather=None if scene.states_weather else "snow" if snows else scene.weather,
        season=scene.season,
        expression=expressions[int(progress * len(expressions))] if shows_face else None,
    )


def _possible_extras(scene: Scene, added: Additions, excluded: Excluded) -> list[Extra]:
    """Return extras that fit, the most striking first."""
    stated = scene.stated
    if scene.indoors:
        return []
    weather = stated.weather or added.weather or "clear"
    options: list[Extra] = []
    if added.time == "night":
        options += ["moon", "stars"] if weather == "clear" else ["moon"] if weather == "cloudy" else []
    elif weather == "clear":
        options.append("sun")
    blooming = added.time != "night" and weather not in ("rain", "snow")
    if stated.close_up:
        options += ["birds"] if added.time != "night" else []
        options += ["flowers"] if blooming else []
    else:
        if added.time in ("sunset", "night") and stated.subject in DWELLINGS:
            options.insert(0, "lit windows")
        options.insert(0 if added.time != "night" else len(options), "birds")
        if stated.place in BLOOMING and blooming:
            options.append("flowers")
        if stated.place not in WATER and stated.subject not in AFLOAT:
            options.append("path")
    return [extra for extra in options if extra not in stated.extras and ("extras", extra) not in excluded]


def _visible(added: Additions) -> tuple[object, ...]:
    """Return what is visible of additions, whatever their order."""
    return added.time, added.weather, added.season, frozenset(added.extras), added.side, added.expression


def _variants(basic: Additions, scene: Scene, index: int, enters: bool, excluded: Excluded) -> Iterator[Additions]:
    """Yield variants of additions, the preferred first.

    Other extras, more of them, a figure, another side.
    """
    here, options = scene.stated, _possible_extras(scene, basic, excluded)
    turn = max(0, index - 1) % max(1, len(options))
    options = options[turn:] + options[:turn]
    pairs = map(list, itertools.combinations(options, 2))
    chosen = [[] if index == 0 else options[:1], *([extra] for extra in options), *pairs, options, []]
    alone = scene.indoors or here.close_up or here.place in WATER or here.subject in AFLOAT or "figure" in here.extras
    alone = alone or ("extras", "figure") in excluded
    figures: list[tuple[Extra, ...]] = [()] if alone else [("figure",), ()] if enters else [(), ("figure",)]
    sides: list[Side | None] = [None, *get_args(Side)] if here.side is None and (here.subject or here.close_up) else [None]
    for side, figure, extras in itertools.product(sides, figures, chosen):
        yield replace(basic, extras=(*figure, *extras), side=side)
