"""Plan a film by rule, from the words that the Sketchbook knows and the idea's own: always the same for one idea and seed."""

import random
import re
from typing import cast

from sakuga.sketchbook.caption_reading import facts_spoken, read_labels
from sakuga.sketchbook.labels import Time, Weather
from sakuga.sketchbook.words import WORDING, Fact, split
from sakuga.story.arc import Beat, Scene, beats, indoors, open_times, open_weathers
from sakuga.story.courses import LEADING, over_shots, stages_in, without_turning
from sakuga.story.planner import checked_idea, lengths, shot_seed
from sakuga.story.retelling import plainly, retold
from sakuga.story.scenes import placed, sayable, scenes_of
from sakuga.story.storyboard import Bible, Camera, Cut, Morph, Shot, Storyboard, StoryboardError, Transition
from sakuga.story.subject_extraction import subject_of

MOVES = (
    Camera(zoom=1.12),
    Camera(pan=(0.07, 0.0)),
    Camera(zoom=1.1, pan=(-0.03, 0.0)),
    Camera(pan=(-0.07, 0.0)),
    Camera(zoom=1.08, pan=(0.0, -0.04)),
)
LAST_MOVE = Camera(zoom=1.06)
VIEWS = split(", wide view, close view, distant view, view from above, view from below, near view, view from afar, front view, quiet view")
WAYS = 60
"""How often a long film may show the same in other words and views."""


class OfflinePlanner:
    """Plans with no network and no language model."""

    def plan(self, idea: str, *, shots: int, seconds: float, seed: int) -> Storyboard:
        """Break an idea into shots that differ in what can be seen; raises StoryboardError for an empty idea or too many shots."""
        idea = checked_idea(idea, shots, seconds)
        rng = random.Random(f"{seed}/{idea}")
        said, denied = sayable(idea)
        scenes, setting = placed(_gathered(scenes_of(said), shots))
        scene_of = [index * len(scenes) // shots for index in range(shots)]
        prompts = _prompts(scenes, scene_of, rng)
        planned: list[Shot] = []
        for index, length in enumerate(lengths(seconds, shots)):
            last = index == shots - 1
            after = None if last else scenes[scene_of[index + 1]]
            shot = Shot(
                prompt=prompts[index],
                seconds=length,
                seed=shot_seed(seed, index),
                camera=LAST_MOVE if last else _mirrored(MOVES[index % len(MOVES)], rng),
                transition=_transition(scenes[scene_of[index]], after, length),
                ease="out" if last else "smooth",
                hold=round(min(0.5, 0.2 * length), 3) if last else 0.0,
                negative=denied,
            )
            planned.append(shot)
        return Storyboard(idea=idea, bible=_bible(scenes, setting), shots=tuple(planned))


def _gathered(scenes: list[str], shots: int) -> list[str]:
    """Join what does not get a shot of its own to the last scene that does."""
    return scenes if len(scenes) <= shots else [*scenes[: shots - 1], ", ".join(scenes[shots - 1 :])]


def _prompts(scenes: list[str], scene_of: list[int], rng: random.Random) -> list[str]:
    """Write every shot's prompt: its scene in the idea's own words, and what the arc over the whole film adds."""
    idea = ", ".join(scenes)
    told = [without_turning(scene) or subject_of(scene) for scene in scenes]
    stated = [read_labels(scene) for scene in told]
    whole = read_labels(", ".join(told))
    openings = {"time": open_times(whole, idea, rng), "weather": open_weathers(whole, idea, rng), "season": ()}
    shots = [scene_of.count(place) for place in range(len(scenes))]
    times, weathers, seasons = (
        over_shots([_stages(scene, name) for scene in scenes], shots, opening, LEADING[name]) for name, opening in openings.items()
    )
    planned = beats(
        [
            Scene(
                stated=stated[place],
                time=cast(Time | None, times[index]),
                weather=cast(Weather | None, weathers[index]),
                season=seasons[index] or "",
                weather_told=any(name == "weather" for name, _ in facts_spoken(told[place])),
                indoors=indoors(told[place]),
            )
            for index, place in enumerate(scene_of)
        ],
        rng,
    )
    prompts: list[str] = []
    for place, beat in zip(scene_of, planned, strict=True):
        ways = (_prompt(told[place], beat, way) for way in range(WAYS))
        prompts.append(next((prompt for prompt in ways if prompt not in prompts), ""))
    if "" in prompts:
        raise StoryboardError(f"the idea is enough for {prompts.index('')} different shots: ask for fewer, or tell more")
    return prompts


def _stages(scene: str, attribute: str) -> tuple[str, ...]:
    """Return what a scene goes through; a moon or stars without a time of day make it night."""
    dark = attribute == "time" and {"moon", "stars"} & read_labels(scene).extras
    return stages_in(scene, attribute) or (("night",) if dark else ())


def _prompt(scene: str, beat: Beat, way: int = 0) -> str:
    """Write the idea's own words at the beat's time, then what the beat adds, `way` choosing its wording and view.

    >>> _prompt("A snowy cabin in the woods at dusk, birds", Beat(time="night", extras=("moon",)))
    'A snowy cabin in the woods at night, birds, with a full moon'
    """
    text = scene if beat.time is None else plainly(retold(scene, beat.time), beat.time)
    if beat.time is not None and ("time", beat.time) not in facts_spoken(text):
        head, *rest = re.split(r",\s*", text, maxsplit=1)
        text = ", ".join([f"{head} {WORDING['time', beat.time].after[0]}", *rest])
    added: list[Fact] = [
        (name, value) for name, value in (("expression", beat.mood), ("weather", beat.weather), ("side", beat.side)) if value
    ]
    added += [("extras", extra) for extra in beat.extras]
    text = f"{text}, in {beat.season}" if beat.season and not stages_in(text, "season") else text
    views = [VIEWS[way % len(VIEWS)]] if way % len(VIEWS) else []
    wordings = (WORDING[fact].after for fact in added)
    return ", ".join([text, *(after[way // len(VIEWS) % len(after)] for after in wordings), *views])


def _bible(scenes: list[str], setting: str) -> Bible:
    stated = read_labels(", ".join(scenes))
    style = WORDING["look", stated.look].tags[0] if stated.look else ""
    named = (scene for scene in scenes if (stated_here := read_labels(scene)).subject or stated_here.person)
    return Bible(subject=subject_of(next(named, scenes[0])), setting=setting, style=style)


def _transition(scene: str, after: str | None, length: float) -> Transition:
    """Flow on within one place; cut where the place changes, and at the end."""
    if after is None:
        return Cut()
    here, there = read_labels(scene).place, read_labels(after).place
    return Cut() if here != there and there is not None else Morph(seconds=round(min(1.0, 0.6 * length), 3))


def _mirrored(camera: Camera, rng: random.Random) -> Camera:
    sign = rng.choice((-1.0, 1.0))
    return Camera(zoom=camera.zoom, pan=(sign * camera.pan[0] + 0.0, camera.pan[1]), rotate=camera.rotate)
