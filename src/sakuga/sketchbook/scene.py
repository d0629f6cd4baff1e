"""Scenes of the Sketchbook's world, sampled or composed."""

from dataclasses import dataclass

import numpy as np

from sakuga.sketchbook import extras, looks, people, sky, subjects, weather
from sakuga.sketchbook.captions import caption
from sakuga.sketchbook.display_list import DisplayList, Material, Shape, placed
from sakuga.sketchbook.labels import Labels, Look, Place, Subject
from sakuga.sketchbook.place_layout import PlaceContext, PlaceLayout
from sakuga.sketchbook.places import HORIZON, PLACES, SKYLINE
from sakuga.sketchbook.sampling import AFLOAT, AIRBORNE, sample_labels
from sakuga.sketchbook.scenery import height_at
from sakuga.sketchbook.walkers import draw_walker, step_phase

_SIZES: dict[Subject, tuple[float, float, float]] = {
    "cottage": (0.34, 0.42, 1.5), "cabin": (0.34, 0.42, 1.4), "houses": (0.32, 0.38, 2.0), "castle": (0.46, 0.54, 1.32),
    "tower": (0.50, 0.60, 0.65), "lighthouse": (0.54, 0.64, 0.9), "windmill": (0.46, 0.56, 0.86), "bridge": (0.28, 0.34, 2.0),
    "tree": (0.48, 0.60, 1.04), "boat": (0.36, 0.46, 1.3), "dragon": (0.34, 0.42, 1.8), "balloon": (0.40, 0.50, 0.84),
    "whale": (0.30, 0.38, 1.7),
}  # fmt: skip
"""Least and greatest height in the image, and width for one unit of height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A scene at one time, ready to paint."""

    drawing: DisplayList
    labels: Labels

    def image(self, width: int, height: int, look: Look = "flat") -> np.ndarray:
        """Paint it, (height, width, 3) uint8 RGB."""
        return looks.paint(self.drawing, width, height, look)

    def depth(self, width: int, height: int) -> np.ndarray:
        """Return its depth, (height, width) float32.

        0 is the sky, 1 is at the lens.
        """
        return looks.depth(self.drawing, width, height)

    def captions(self, n: int, look: Look = "flat") -> list[str]:
        """Write n captions, always the same ones."""
        rng = np.random.default_rng((self.drawing.seed, 9))
        return [caption(self.labels, rng, look) for _ in range(n)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A moving scene: labels, and a seed for the rest."""

    labels: Labels
    seed: int
    aspect: float
    identity: int | None = None
    """With one, scenes of other seeds show the same object: the seed of how the subject looks."""
    pan: float | None = None
    """How far the camera goes to each side, in image heights, from the middle to the right first; None is the seed's camera."""

    def at(self, t: float) -> Moment:
        """Return the scene `t` seconds after its start.

        The labels hold at any time.
        """
        return Moment(drawing=_draw(self, t), labels=self.labels)


def sample(
    seed: int, *, aspect: float = 1.0, portrait: bool | None = None, with_held_out: bool = False, accompanied: bool = False
) -> Scene:
    """Sample a scene; options as in `sample_labels`."""
    labels = sample_labels(np.random.default_rng((seed, 0)), portrait=portrait, with_held_out=with_held_out, accompanied=accompanied)
    return compose(labels, seed, aspect)


def compose(labels: Labels, seed: int, aspect: float = 1.0, identity: int | None = None) -> Scene:
    """Build a scene with exactly these labels.

    `seed` decides the rest; `identity`, if given, the subject's appearance.
    """
    return Scene(labels=labels, seed=seed, aspect=aspect, identity=identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What the seed decides about a scene."""

    focus: float
    size: float
    depth: float
    flying: bool
    flip: bool
    sun: tuple[float, float]
    pan: float
    zoom: float


def _plan(scene: Scene, rng: np.random.Generator) -> _Plan:
    labels, aspect = scene.labels, scene.aspect
    small, large, width = _SIZES.get(labels.subject, (0.3, 0.3, 0.0))
    random = rng.random(8).tolist()
    size = min(small + (large - small) * random[0], 0.95 * aspect / width if width else 1.0)
    focus = aspect * ({"left": 0.25, "centre": 0.5, "right": 0.75}[labels.side] + 0.05 * (random[1] - 0.5))
    # A wide subject moves in until hardly any of it is cut off, but never so far that its side would be in doubt.
    inward = min(0.44 * size * width, 0.31 * aspect)
    focus = min(max(focus, inward), aspect - inward)
    away = aspect * (0.80 if focus < aspect * 0.45 or (focus < aspect * 0.55 and random[2] < 0.5) else 0.20) + 0.06 * (random[3] - 0.5)
    heights = {"dawn": 0.40, "day": 0.17, "sunset": 0.42, "night": 0.17}
    height = min(heights[labels.time], SKYLINE[labels.place] - 0.02 if labels.portrait is None else 0.22) + 0.04 * (random[4] - 0.5)
    camera = random[5]
    return _Plan(
        focus=focus,
        size=size,
        depth=random[6],
        flying=labels.subject in AIRBORNE or (labels.subject == "dragon" and random[7] < 0.65),
        flip=focus > aspect / 2,
        sun=(away, height),
        pan=scene.pan if scene.pan is not None else 0.07 if camera < 0.35 else 0.0,
        zoom=0.14 if camera > 0.75 and scene.pan is None else 0.0,
    )


def _draw(scene: Scene, t: float) -> DisplayList:
    labels, aspect = scene.labels, scene.aspect
    # Nothing draws from these two by what time it is: so only t moves, and the scene stays itself.
    of_subject = scene.seed if scene.identity is None else scene.identity
    rng, rng_subject = np.random.default_rng((scene.seed, 1)), np.random.default_rng((of_subject, 2))
    plan, hour = _plan(scene, rng), sky.hour_colors(labels, rng)
    sun_x = plan.sun[0] + 0.03 * float(np.sin(0.06 * t))
    setting = _setting(scene, plan, hour, t, sun_x)
    behind = _above(scene, plan, hour, rng, t, sun_x)
    stage = PLACES[labels.place](rng, setting)
    falls = weather.precipitation(rng, t, aspect, labels.weather, labels.time)
    if labels.portrait is None:
        land, subject, front = _landscape(scene, plan, stage, hour, rng, rng_subject, t)
    else:
        land, subject, front = stage.back, people.draw_portrait(labels.portrait, rng_subject, t, aspect), []
    behind += land
    if labels.weather == "fog":
        behind += weather.fog(rng, t, aspect, hour, (0.48, 0.60, 0.70), 0.48)
        front += weather.fog(rng, t, aspect, hour, (0.96,) if labels.portrait is None else (), 0.42)
    shapes = behind + subject + front
    lifts = [0.0] * len(behind) + [_lift(labels)] * len(subject) + [0.0] * len(front)
    filmed = _filmed(shapes, sky.lit_colors(shapes, lifts, hour), plan, aspect, t if labels.portrait is None else 0.0)
    return DisplayList(
        aspect=aspect,
        sky=sky.gradient(hour, HORIZON[labels.place]),
        shapes=(*filmed, *falls),
        light_from=(setting.light_x, plan.sun[1]),
        light=hour.light,
        seed=scene.seed,
    )


def _setting(scene: Scene, plan: _Plan, hour: sky.HourColors, t: float, sun_x: float) -> PlaceContext:
    labels, aspect = scene.labels, scene.aspect
    shining = "sun" in labels.extras or "moon" in labels.extras
    return PlaceContext(
        aspect=aspect,
        t=t,
        hour=hour,
        light_x=sun_x if shining else (-0.3 if plan.sun[0] < aspect / 2 else aspect + 0.3),
        focus=plan.focus,
        room=0.5 * plan.size * _SIZES[labels.subject][2] if labels.subject != "none" else 0.12,
        bridged=labels.subject == "bridge",
        landed=labels.subject not in ("none", *_wet(labels.place)) and not plan.flying,
        lit="lit windows" in labels.extras,
    )


def _lift(labels: Labels) -> float:
    """Return how much the subject is lit beyond the hour's light."""
    if labels.time == "night":
        return 0.55 if labels.portrait else 0.40
    return 0.40 if labels.portrait else 0.22


def _wet(place: Place) -> tuple[Subject, ...]:
    """Draw what stands or floats in water."""
    return (*AFLOAT, "bridge", "lighthouse") if place == "sea" else (*AFLOAT, "bridge")


def _above(scene: Scene, plan: _Plan, hour: sky.HourColors, rng: np.random.Generator, t: float, sun_x: float) -> list[Shape]:
    """Draw the sky behind the land."""
    labels, aspect = scene.labels, scene.aspect
    shapes: list[Shape] = []
    if "stars" in labels.extras:
        shapes += sky.stars(rng, t, aspect, HORIZON[labels.place])
    shapes += sky.clouds(rng, t, aspect, labels.weather, hour)
    radius = rng.uniform(0.075, 0.10)
    y = plan.sun[1] - 0.01 * np.sin(0.06 * t)
    if "sun" in labels.extras:
        shapes += sky.sun(sun_x, y, radius, hour, labels.time)
    if "moon" in labels.extras:
        shapes += sky.moon(sun_x, y, radius)
    if labels.weather == "cloudy" and ("sun" in labels.extras or "moon" in labels.extras):
        drift = 0.02 * np.sin(0.2 * t)
        shapes += sky.cloud(rng, sun_x + 0.08 + drift, y + 1.25 * radius, 0.34, 0.09, hour)
    return shapes


def _landscape(
    scene: Scene,
    plan: _Plan,
    stage: PlaceLayout,
    hour: sky.HourColors,
    rng: np.random.Generator,
    rng_subject: np.random.Generator,
    t: float,
) -> tuple[list[Shape], list[Shape], list[Shape]]:
    """Draw place, subject and extras, back to front."""
    labels, aspect = scene.labels, scene.aspect
    back, front = list(stage.back), list(stage.front)
    wet = labels.subject in _wet(labels.place) and stage.waterline is not None
    x, y, near = _foot(plan, stage, wet)
    if "path" in labels.extras:
        grounded = labels.subject != "none" and not plan.flying
        start = (x, y) if grounded else (x, height_at(stage.ground, x))
        back += extras.path(rng, stage, start, aspect)
    if labels.subject == "bridge" and stage.waterline is None:
        back += extras.stream(stage, x, hour)
    if labels.subject in AFLOAT and stage.waterline is None:
        back += extras.pond(x, y - 0.02, 0.6 * plan.size + 0.08, near, hour)
    subject: list[Shape] = []
    if labels.subject != "none":
        shapes = subjects.draw_subject(labels.subject, rng_subject, t, "lit windows" in labels.extras)
        flip = plan.flip and labels.subject in ("dragon", "whale", "boat")
        subject = placed(shapes, x, y, plan.size, near, flip)
        if not plan.flying and labels.subject != "bridge":
            back.append(extras.shadow(x, y, _SIZES[labels.subject][2] * plan.size * 0.46, near, material="water" if wet else "ground"))
    if "flowers" in labels.extras:
        front = extras.flowers(rng, t, stage, aspect, y if not plan.flying else 0.0) + front
    if labels.second != "none":
        subject = _second(scene, plan, stage, x, t) + subject
    if labels.walker:
        subject += _walker(scene, plan, stage, rng_subject, t)
    if "figure" in labels.extras:
        subject += _figure(scene, plan, stage, rng, rng_subject, t)
    if "birds" in labels.extras:
        subject += extras.birds(rng, t, aspect, plan.focus)
    return back, subject, front


def _foot(plan: _Plan, stage: PlaceLayout, wet: bool) -> tuple[float, float, float]:
    """Return a subject's foot and its depth."""
    x = plan.focus
    if plan.flying:
        return x, 0.16 + plan.size + 0.08 * plan.depth, 0.5
    if wet and stage.waterline is not None:
        return x, stage.waterline + 0.04 * plan.depth, 0.62
    y = height_at(stage.ground, x) + stage.drop[0] + (stage.drop[1] - stage.drop[0]) * plan.depth
    return x, y, stage.near_at(x, y)


def _figure(
    scene: Scene, plan: _Plan, stage: PlaceLayout, rng: np.random.Generator, rng_subject: np.random.Generator, t: float
) -> list[Shape]:
    """Draw one figure beside the subject."""
    aspect = scene.aspect
    toward = 1.0 if plan.focus < aspect / 2 else -1.0
    x = plan.focus + toward * rng.uniform(0.26, 0.36) * aspect
    y = min(0.96, height_at(stage.ground, x) + stage.drop[1] + 0.05)
    near = min(0.95, stage.near_at(x, y) + 0.02)
    shapes = people.draw_figure(rng_subject, t)
    return [extras.shadow(x, y, 0.05, near), *placed(shapes, x, y, rng.uniform(0.19, 0.23), near, rng.random() < 0.5)]


def _second(scene: Scene, plan: _Plan, stage: PlaceLayout, first: float, t: float) -> list[Shape]:
    """Draw the second subject, smaller and away from the first, with its shadow or water."""
    labels, aspect = scene.labels, scene.aspect
    rng = np.random.default_rng((scene.seed, 3))
    small, large, width = _SIZES[labels.second]
    size = min(0.72 * (small + (large - small) * rng.random()), 0.42 * aspect / width)
    toward = 1.0 if first < aspect / 2 or (first < aspect * 0.55 and rng.random() < 0.5) else -1.0
    inward = 0.46 * size * width
    x = min(max(first + toward * 0.47 * aspect, inward), aspect - inward)
    flying = labels.second in AIRBORNE or labels.second == "dragon"
    wet = labels.second in _wet(labels.place) and stage.waterline is not None
    shapes = subjects.draw_subject(labels.second, rng, t, "lit windows" in labels.extras)
    material: Material = "water" if wet else "ground"
    turned = x > aspect / 2 and labels.second in ("dragon", "whale", "boat")
    if flying:
        return placed(shapes, x, 0.14 + size + 0.06 * rng.random(), size, 0.45, turned)
    if wet and stage.waterline is not None:
        y, near = stage.waterline + 0.015, 0.55
    else:
        y = height_at(stage.ground, x) + 0.6 * stage.drop[0] + 0.2 * stage.drop[1]
        near = stage.near_at(x, y)
    return [extras.shadow(x, y, width * size * 0.46, near, material=material), *placed(shapes, x, y, size, near, turned)]


def _walker(scene: Scene, plan: _Plan, stage: PlaceLayout, rng_subject: np.random.Generator, t: float) -> list[Shape]:
    """Draw a person who walks to and fro; standing feet do not slide."""
    labels, aspect = scene.labels, scene.aspect
    assert labels.walker is not None
    rng = np.random.default_rng((scene.seed, 4))
    toward = 1.0 if plan.focus < aspect / 2 else -1.0
    home = plan.focus if labels.subject == "none" else plan.focus + toward * 0.4 * aspect
    home = min(max(home, 0.22 * aspect), 0.78 * aspect)
    size = rng.uniform(0.36, 0.46) * (0.88 if labels.walker.person in ("girl", "boy") else 1.0)
    reach, pace, phase = 0.13 * aspect, rng.uniform(0.7, 0.9), 6.283 * rng.random()
    shift = reach * float(np.sin(pace * t + phase))
    x, back = min(max(home + shift, 0.1 * aspect), 0.9 * aspect), float(np.cos(pace * t + phase)) < 0
    y = min(0.95, height_at(stage.ground, home) + stage.drop[1] + 0.06)
    near = min(0.96, stage.near_at(x, y) + 0.02)
    steps = step_phase((-shift if back else shift) / size)
    shapes = draw_walker(labels.walker, rng_subject, steps, t)
    return [extras.shadow(x, y, 0.14 * size, near), *placed(shapes, x, y, size, near, back)]


def _filmed(shapes: list[Shape], colors: list[tuple[float, float, float]], plan: _Plan, aspect: float, t: float) -> list[Shape]:
    """Apply light and camera to shapes.

    As the camera pans, near shapes move more.
    """
    pan = plan.pan * float(np.sin(0.6 * t))
    zoom = 1.0 + plan.zoom * (0.5 - 0.5 * float(np.cos(0.5 * t)))
    points = [shape.points for shape in shapes]
    if pan != 0.0 or zoom != 1.0:
        counts = np.array([len(outline) for outline in points])
        shifts = np.array([
            (aspect / 2 * (1.0 - zoom) - pan * (0.3 + shape.near[0] + shape.near[1]), 0.62 * (1.0 - zoom)) for shape in shapes
        ])  # fmt: skip
        every = np.concatenate(points) * zoom + shifts.repeat(counts, axis=0)
        ends = np.cumsum(counts).tolist()
        points = [every[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return [
        Shape(
            points=outline, color=color, material=shape.material, near=shape.near, alpha=shape.alpha, glow=shape.glow,
            soft=shape.soft * zoom, stroke=shape.stroke * zoom, ink=shape.ink,
        )
        for shape, outline, color in zip(shapes, points, colors, strict=True)
    ]  # fmt: skip
