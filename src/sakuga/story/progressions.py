"""How light, weather and season change over shots."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from sakuga.sketchbook.caption_reading import fact_spans, flatten_text

CYCLES = {"time": ("dawn", "day", "sunset", "night"), "season": ("spring", "summer", "autumn", "winter")}
"""Cyclic attributes; a change passes through the values in between."""
LEADING = {
    "time": {"dawn": "night", "day": "dawn", "sunset": "day", "night": "sunset"},
    "weather": {"rain": "cloudy", "snow": "cloudy"},
    "season": {},
}
"""The value before one that a film states only later."""

_LEADS = re.compile(r"\b(?:to|into|until|till|becomes?|before)\s+(?:(?:the|a|an)\s+)?(?:\w+\s+)?$")
_AFTER = re.compile(r"\bafter\s+(?:(?:the|a|an)\s+)?(?:\w+\s+)?$")
_AND = re.compile(r"\s*,?\s*and\s+(?:the\s+)?")
_APART = re.compile(r"[,;.]|\band\b")
HAPPENS = frozenset(("fades", "falls", "goes", "sets", "rises", "is", "comes", "begins", "breaks", "ends", "settles"))
"""Words of phrases in which a time of day begins."""
_SEASON = re.compile(r"\b(?:(?:spring|summer|autumn|winter)(?:time)?|(?<=in )fall|(?<=in the )fall)\b")
_WHOLE = {
    "time": re.compile(r"\b(?:a|one|the) (?:whole |long )?day in the life\b|\bthrough (?:a|the) (?:whole )?day\b|\baround the clock\b"),
    "season": re.compile(r"\bfour seasons\b|\b(?:through|all) the seasons\b|\bthrough (?:a|the) (?:whole )?year\b"),
}


def stages_of(text: str, attribute: str) -> tuple[str, ...]:
    """Return an attribute's values in a text, in order.

    Empty if none is stated, and one value if it lasts. Of values without a transition between them the first counts.

    >>> stages_of("a castle from day to night", "time")
    ('day', 'sunset', 'night')
    >>> stages_of("a moonlit lake in the evening light", "time")
    ('night',)
    >>> stages_of("the sun goes down over the sea", "time"), stages_of("the sea at sunset", "time")
    (('sunset', 'night'), ('sunset',))
    >>> stages_of("rain turns to snow", "weather"), stages_of("rain and fog", "weather")
    (('rain', 'snow'), ('rain',))
    >>> stages_of("a tree from spring to autumn", "season")
    ('spring', 'summer', 'autumn')
    """
    flat, coming = flatten_text(text), CYCLES.get(attribute, ())
    if attribute in _WHOLE and _WHOLE[attribute].search(flat):
        return coming
    spans = _stated(text, attribute)
    stages = [value for _, _, value in spans[:1]]
    for (_, stop, _), (start, _, value) in pairwise(spans):
        if value in stages:
            continue
        if _AFTER.search(flat[stop:start]):
            stages.insert(0, value)
        elif _leads(flat[stop:start], stages[-1], value, coming):
            stages.append(value)
    if stages in (["dawn"], ["sunset"]) and any(HAPPENS & set(flat[start:stop].split()) for start, stop, _ in spans):
        stages.append(_next(stages[0], coming))
    return _all_between(stages, coming)


def _stated(text: str, attribute: str) -> list[tuple[int, int, str]]:
    """Return start, stop and value of each stating phrase.

    A season within a change of seasons states no weather.
    """
    flat = flatten_text(text)
    seasons = [(found.start(), found.end(), found[0].removesuffix("time").replace("fall", "autumn")) for found in _SEASON.finditer(flat)]
    if attribute == "season":
        return seasons
    spans = [(start, stop, value) for start, stop, facts in fact_spans(flat) for name, value in facts if name == attribute]
    several = len({value for _, _, value in seasons}) > 1
    return [span for span in spans if not (several and any(start <= span[0] < stop for start, stop, _ in seasons))]


def _leads(between: str, here: str, there: str, coming: Sequence[str]) -> bool:
    """Return whether words between two values mean a change.

    Cyclic values may just follow.
    """
    if _LEADS.search(between):
        return True
    forward = bool(coming) and coming.index(here) < coming.index(there)
    return bool(coming) and bool(_AND.fullmatch(between) or (forward and _APART.search(between)))


def _next(value: str, coming: Sequence[str]) -> str:
    return coming[(coming.index(value) + 1) % len(coming)]


def _all_between(stages: Sequence[str], coming: Sequence[str]) -> tuple[str, ...]:
    through = list(stages[:1])
    for value in stages[1:]:
        while coming and _next(through[-1], coming) != value:
            through.append(_next(through[-1], coming))
        through.append(value)
    return tuple(through)


def spread_over_shots(
    scenes: Sequence[tuple[str, ...]], shots: Sequence[int], default: tuple[str, ...], leading: Mapping[str, str]
) -> list[str | None]:
    """Return an attribute's value at every shot.

    For scenes with given stages and numbers of shots.

    The last value of a scene lasts until another states one; `leading` gives the value before the first one stated. `default` is for
    films that state none at all.

    >>> spread_over_shots([("day",), (), ("night",)], [1, 2, 1], (), LEADING["time"])
    ['day', 'day', 'day', 'night']
    >>> spread_over_shots([(), ("snow",)], [2, 1], (), LEADING["weather"])
    ['cloudy', 'cloudy', 'snow']
    """
    if not any(scenes):
        return _spread(default, sum(shots))
    values: list[str | None] = []
    last = leading.get(next(stages[0] for stages in scenes if stages))
    for stages, count in zip(scenes, shots, strict=True):
        values += _spread(stages, count) if stages else [last] * count
        last = stages[-1] if stages else last
    return values


def _spread(stages: Sequence[str], shots: int) -> list[str | None]:
    """Spread stages evenly over shots."""
    if not stages:
        return [None] * shots
    return [stages[round(place * (len(stages) - 1) / max(1, shots - 1))] for place in range(shots)]


def without_changes(text: str) -> str:
    """Remove clauses about changes; may return "".

    Changes of light, weather or season.

    >>> without_changes("a castle by the sea, as day turns to night")
    'a castle by the sea'
    """
    changing = [name for name in ("time", "weather", "season") if _changes(text, name)]
    clauses = re.split(r",\s*|\s+(?=(?:as|while|when|until|from|through)\s)", text)
    lasting = [clause for clause in clauses if not any(_stated(clause, name) or _all_of(clause, name) for name in changing)]
    return text if len(lasting) == len(clauses) else ", ".join(lasting)


def _changes(text: str, attribute: str) -> bool:
    """Return whether a text names more than one stage."""
    return _all_of(text, attribute) or (len(stages_of(text, attribute)) > 1 and len({value for *_, value in _stated(text, attribute)}) > 1)


def _all_of(text: str, attribute: str) -> bool:
    return attribute in _WHOLE and _WHOLE[attribute].search(flatten_text(text)) is not None
