"""Find what a text says lasts of light, weather and season, and what it says changes; and lay it out over a film's shots."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from sakuga.sketchbook.caption_reading import flattened, spans_in

ROUNDS = {"time": ("dawn", "day", "sunset", "night"), "season": ("spring", "summer", "autumn", "winter")}
"""What comes round: between two of them those that lie between are gone through as well."""
LEADING = {
    "time": {"dawn": "night", "day": "dawn", "sunset": "day", "night": "sunset"},
    "weather": {"rain": "cloudy", "snow": "cloudy"},
    "season": {},
}
"""What leads up to something that a film tells only later."""

_LEADS = re.compile(r"\b(?:to|into|until|till|becomes?|before)\s+(?:(?:the|a|an)\s+)?(?:\w+\s+)?$")
_AFTER = re.compile(r"\bafter\s+(?:(?:the|a|an)\s+)?(?:\w+\s+)?$")
_AND = re.compile(r"\s*,?\s*and\s+(?:the\s+)?")
_APART = re.compile(r"[,;.]|\band\b")
HAPPENS = frozenset(("fades", "falls", "goes", "sets", "rises", "is", "comes", "begins", "breaks", "ends", "settles"))
"""Words by which a phrase for a time of day says that it comes about."""
_SEASON = re.compile(r"\b(?:(?:spring|summer|autumn|winter)(?:time)?|(?<=in )fall|(?<=in the )fall)\b")
_WHOLE = {
    "time": re.compile(r"\b(?:a|one|the) (?:whole |long )?day in the life\b|\bthrough (?:a|the) (?:whole )?day\b|\baround the clock\b"),
    "season": re.compile(r"\bfour seasons\b|\b(?:through|all) the seasons\b|\bthrough (?:a|the) (?:whole )?year\b"),
}


def stages_in(text: str, attribute: str) -> tuple[str, ...]:
    """Return what a text goes through of an attribute, in order: nothing, the one value that lasts, or several.

    Of values that nothing leads between the first counts.

    >>> stages_in("a castle from day to night", "time")
    ('day', 'sunset', 'night')
    >>> stages_in("a moonlit lake in the evening light", "time")
    ('night',)
    >>> stages_in("the sun goes down over the sea", "time"), stages_in("the sea at sunset", "time")
    (('sunset', 'night'), ('sunset',))
    >>> stages_in("rain turns to snow", "weather"), stages_in("rain and fog", "weather")
    (('rain', 'snow'), ('rain',))
    >>> stages_in("a tree from spring to autumn", "season")
    ('spring', 'summer', 'autumn')
    """
    flat, coming = flattened(text), ROUNDS.get(attribute, ())
    if attribute in _WHOLE and _WHOLE[attribute].search(flat):
        return coming
    spans = _said(text, attribute)
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


def _said(text: str, attribute: str) -> list[tuple[int, int, str]]:
    """Return start, stop and value of every phrase that states the attribute; a season that comes and goes makes no weather."""
    flat = flattened(text)
    seasons = [(found.start(), found.end(), found[0].removesuffix("time").replace("fall", "autumn")) for found in _SEASON.finditer(flat)]
    if attribute == "season":
        return seasons
    spans = [(start, stop, value) for start, stop, facts in spans_in(flat) for name, value in facts if name == attribute]
    several = len({value for _, _, value in seasons}) > 1
    return [span for span in spans if not (several and any(start <= span[0] < stop for start, stop, _ in seasons))]


def _leads(between: str, here: str, there: str, coming: Sequence[str]) -> bool:
    """Return whether the words between two values say that one becomes the other; what comes round may also just follow."""
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


def over_shots(
    told: Sequence[tuple[str, ...]], shots: Sequence[int], opening: tuple[str, ...], leading: Mapping[str, str]
) -> list[str | None]:
    """Return what every shot shows, of scenes that each tell what they go through and last some shots.

    What one scene ends with lasts until another tells otherwise; `leading` names what comes before the first that tells any. `opening`
    is for a film that tells none at all.

    >>> over_shots([("day",), (), ("night",)], [1, 2, 1], (), LEADING["time"])
    ['day', 'day', 'day', 'night']
    >>> over_shots([(), ("snow",)], [2, 1], (), LEADING["weather"])
    ['cloudy', 'cloudy', 'snow']
    """
    if not any(told):
        return _spread(opening, sum(shots))
    course: list[str | None] = []
    last = leading.get(next(stages[0] for stages in told if stages))
    for stages, count in zip(told, shots, strict=True):
        course += _spread(stages, count) if stages else [last] * count
        last = stages[-1] if stages else last
    return course


def _spread(stages: Sequence[str], shots: int) -> list[str | None]:
    """Begin with the first stage and end with the last."""
    if not stages:
        return [None] * shots
    return [stages[round(place * (len(stages) - 1) / max(1, shots - 1))] for place in range(shots)]


def without_turning(text: str) -> str:
    """Leave out the clauses that lead from one light, weather or season to another, as one picture shows one; "" where nothing is left.

    >>> without_turning("a castle by the sea, as day turns to night")
    'a castle by the sea'
    """
    turning = [name for name in ("time", "weather", "season") if _turns(text, name)]
    clauses = re.split(r",\s*|\s+(?=(?:as|while|when|until|from|through)\s)", text)
    lasting = [clause for clause in clauses if not any(_said(clause, name) or _all_of(clause, name) for name in turning)]
    return text if len(lasting) == len(clauses) else ", ".join(lasting)


def _turns(text: str, attribute: str) -> bool:
    """Return whether a text names more than one stage; what only happens, as night falls, can be said again at its next."""
    return _all_of(text, attribute) or (len(stages_in(text, attribute)) > 1 and len({value for *_, value in _said(text, attribute)}) > 1)


def _all_of(text: str, attribute: str) -> bool:
    return attribute in _WHOLE and _WHOLE[attribute].search(flattened(text)) is not None
