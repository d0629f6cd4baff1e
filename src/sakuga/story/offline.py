"""The offline planner, which works by rules."""

import random
import re
from typing import cast

from sakuga.sketchbook.caption_reading import caption_facts, facts_in, read_labels
from sakuga.sketchbook.labels import Time, Weather
from sakuga.sketchbook.words import WORDING, Fact, split
from sakuga.story.planner import check_idea, morph_seconds, shot_lengths, shot_seed, with_open_look
from sakuga.story.progressions import LEADING, spread_over_shots, stages_of, without_changes
from sakuga.story.scenes import clean_idea, locate_scenes, split_scenes
from sakuga.story.shot_additions import Additions, Excluded, Scene, indoors, plan_additions, time_course, weather_course
from sakuga.story.storyboard import Bible, Camera, Cut, Morph, Shot, Storyboard, StoryboardError
from sakuga.story.subject_extraction import subject_of
from sakuga.story.time_rewording import reword_time, standardize_time

MOVES = (
    Camera(zoom=1.12),
    Camera(pan=(0.07, 0.0)),
    Camera(zoom=1.1, pan=(-0.03, 0.0)),
    Camera(pan=(-0.07, 0.0)),
    Camera(zoom=1.08, pan=(0.0, -0.04)),
)
LAST_MOVE = Camera(zoom=1.06)
VIEWS = split(", wide view, close view, distant view, view from above, view from below, near view, view from afar, front view, quiet view")
LONG_FILM = 20.0
"""Seconds from which a film changes its light and weather though the idea does not say so."""
WORDINGS = 60
"""Wordings and views in which a long film may repeat a prompt."""
_LESS = re.compile(r"\b(sun|moon|star|bird|flower|cloud|rain|snow)less\b", re.IGNORECASE)
_SUNLIT = re.compile(r"\bsunlight\b", re.IGNORECASE)
_EMPTY = re.compile(r"\b(?:deserted|uninhabited|abandoned)\b", re.IGNORECASE)


class OfflinePlanner:
    """Plans without a network or language model.

    One idea and seed always give the same film.
    """

    def plan(self, idea: str, *, shots: int, seconds: float, seed: int, negative: str = "") -> Storyboard:
        """Plan shots that differ visibly.

        Raises StoryboardError for an empty idea or too many shots.
        """
        idea = check_idea(idea, shots, seconds)
        rng = random.Random(f"{seed}/{idea}")
        cleaned, denied = clean_idea(idea)
        scenes, setting = locate_scenes(_joined(split_scenes(cleaned), shots))
        scene_of = [index * len(scenes) // shots for index in range(shots)]
        prompts = _prompts(scenes, scene_of, rng, _excluded(cleaned, denied, negative), changing=seconds >= LONG_FILM)
        planned: list[Shot] = []
        lengths = shot_lengths(seconds, shots)
        for index, length in enumerate(lengths):
            last = index == shots - 1
            cuts = last or _changes_place(scenes[scene_of[index]], scenes[scene_of[index + 1]])
            shot = Shot(
                prompt=prompts[index],
                seconds=length,
                seed=shot_seed(seed, index),
                camera=LAST_MOVE if last else _mirrored(MOVES[index % len(MOVES)], rng),
                transition=Cut() if cuts else Morph(seconds=morph_seconds(prompts[index], prompts[index + 1], lengths[index + 1])),
                ease="out" if last else "smooth",
                hold=round(min(0.5, 0.2 * length), 3) if last else 0.0,
                negative=denied,
            )
            planned.append(shot)
        return Storyboard(idea=idea, bible=with_open_look(_bible(scenes, setting), seed, f"{denied} {negative}"), shots=tuple(planned))


def _excluded(idea: str, denied: str, negative: str) -> Excluded:
    """Return facts denied by idea or negative prompt."""
    excluded = set(facts_in(denied)) | set(facts_in(negative))
    for found in _LESS.finditer(idea):
        excluded |= set(facts_in(f"{found[1]}, {found[1]}s"))
    if _EMPTY.search(idea):
        excluded.add(("extras", "figure"))
    if _SUNLIT.search(idea):
        excluded.add(("time", "night"))
    return frozenset(excluded)


def _joined(scenes: list[str], shots: int) -> list[str]:
    """Join surplus scenes to the last one."""
    return scenes if len(scenes) <= shots else [*scenes[: shots - 1], ", ".join(scenes[shots - 1 :])]


def _prompts(scenes: list[str], scene_of: list[int], rng: random.Random, excluded: Excluded, *, changing: bool) -> list[str]:
    """Write every shot's prompt.

    Its scene in the idea's own words, and additions. Light and weather change if the idea says so, or if `changing`.
    """
    lasting = [without_changes(scene) or subject_of(scene) for scene in scenes]
    planned = plan_additions(_film_scenes(scenes, lasting, scene_of, rng, excluded, changing), rng, excluded)
    prompts: list[str] = []
    for place, added in zip(scene_of, planned, strict=True):
        candidates = (_prompt(lasting[place], added, wording) for wording in range(WORDINGS))
        prompts.append(next((prompt for prompt in candidates if prompt not in prompts), ""))
    if "" in prompts:
        raise StoryboardError(f"the idea gives only {prompts.index('')} different shots; use fewer, or describe more")
    return prompts


def _film_scenes(
    scenes: list[str], lasting: list[str], scene_of: list[int], rng: random.Random, excluded: Excluded, changing: bool
) -> list[Scene]:
    """Return the scene of every shot.

    With the time, weather and season reached there.
    """
    idea = ", ".join(scenes)
    stated = [read_labels(scene) for scene in lasting]
    whole = read_labels(", ".join(lasting))
    times_of_day, weather = time_course(whole, idea, rng, excluded), weather_course(whole, idea, rng, excluded)
    if not changing:
        times_of_day, weather = tuple(rng.sample(times_of_day, min(1, len(times_of_day)))), weather[:1]
    defaults: dict[str, tuple[str, ...]] = {"time": times_of_day, "weather": weather, "season": ()}
    shots = [scene_of.count(place) for place in range(len(scenes))]
    times, weathers, seasons = (
        spread_over_shots([_stages(scene, name, excluded) for scene in scenes], shots, default, _leading(name, excluded))
        for name, default in defaults.items()
    )
    return [
        Scene(
            stated=stated[place],
            time=cast(Time | None, times[index]),
            weather=cast(Weather | None, weathers[index]),
            season=seasons[index] or "",
            states_weather=any(name == "weather" for name, _ in caption_facts(lasting[place])),
            indoors=indoors(lasting[place]),
        )
        for index, place in enumerate(scene_of)
    ]


def _leading(attribute: str, excluded: Excluded) -> dict[str, str]:
    return {value: before for value, before in LEADING[attribute].items() if (attribute, before) not in excluded}


def _stages(scene: str, attribute: str, excluded: Excluded) -> tuple[str, ...]:
    """Return the stages of a scene, without those excluded.

    Moon or stars without a time of day mean night.
    """
    dark = attribute == "time" and {"moon", "stars"} & read_labels(scene).extras
    stages = stages_of(scene, attribute) or (("night",) if dark else ())
    return tuple(stage for stage in stages if (attribute, stage) not in excluded)


def _prompt(scene: str, added: Additions, wording: int = 0) -> str:
    """Write a scene at its time, then its additions.

    `wording` varies phrases and view.

    >>> _prompt("A snowy cabin in the woods at dusk, birds", Additions(time="night", extras=("moon",)))
    'A snowy cabin in the woods at night, birds, with a full moon'
    """
    text = scene if added.time is None else standardize_time(reword_time(scene, added.time), added.time)
    if added.time is not None and ("time", added.time) not in caption_facts(text):
        head, *rest = re.split(r",\s*", text, maxsplit=1)
        text = ", ".join([f"{head} {WORDING['time', added.time].after[0]}", *rest])
    facts: list[Fact] = [
        (name, value) for name, value in (("expression", added.expression), ("weather", added.weather), ("side", added.side)) if value
    ]
    facts += [("extras", extra) for extra in added.extras]
    text = f"{text}, in {added.season}" if added.season and not stages_of(text, "season") else text
    views = [VIEWS[wording % len(VIEWS)]] if wording % len(VIEWS) else []
    phrases = (WORDING[fact].after for fact in facts)
    return ", ".join([text, *(after[wording // len(VIEWS) % len(after)] for after in phrases), *views])


def _bible(scenes: list[str], setting: str) -> Bible:
    stated = read_labels(", ".join(scenes))
    style = WORDING["look", stated.look].tags[0] if stated.look else ""
    named = (scene for scene in scenes if (stated_here := read_labels(scene)).subject or stated_here.person)
    return Bible(subject=subject_of(next(named, scenes[0])), setting=setting, style=style)


def _changes_place(before: str, after: str) -> bool:
    here, there = read_labels(before).place, read_labels(after).place
    return here != there and there is not None


def _mirrored(camera: Camera, rng: random.Random) -> Camera:
    sign = rng.choice((-1.0, 1.0))
    return Camera(zoom=camera.zoom, pan=(sign * camera.pan[0] + 0.0, camera.pan[1]), rotate=camera.rotate)
