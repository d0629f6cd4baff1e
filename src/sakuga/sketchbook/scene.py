"""A scene of the picture-book world: sampled from a seed or composed from labels, and drawn at any moment."""

from dataclasses import dataclass

import numpy as np

from sakuga.sketchbook import extras, looks, people, sky, subjects, weather
from sakuga.sketchbook.captions import caption
from sakuga.sketchbook.labels import Labels, Look, Place, Subject
from sakuga.sketchbook.places import HORIZON, PLACES, SKYLINE
from sakuga.sketchbook.sampling import AFLOAT, AIRBORNE, sample_labels
from sakuga.sketchbook.scenery import height_at
from sakuga.sketchbook.shapes import Drawing, Shape, placed
from sakuga.sketchbook.stage import Setting, Stage

_SIZES: dict[Subject, tuple[float, float, float]] = {
    "cottage": (0.34, 0.42, 1.5), "cabin": (0.34, 0.42, 1.4), "houses": (0.32, 0.38, 2.0), "castle": (0.46, 0.54, 1.32),
    "tower": (0.50, 0.60, 0.65), "lighthouse": (0.54, 0.64, 0.9), "windmill": (0.46, 0.56, 0.86), "bridge": (0.28, 0.34, 2.0),
    "tree": (0.48, 0.60, 1.04), "boat": (0.36, 0.46, 1.3), "dragon": (0.34, 0.42, 1.8), "balloon": (0.40, 0.50, 0.84),
    "whale": (0.30, 0.38, 1.7),
}  # fmt: skip
"""Least and greatest height in the picture, and width for one unit of height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A scene at one time: a picture in any look, its depth, its captions."""

    drawing: Drawing
    labels: Labels

    def picture(self, width: int, height: int, look: Look = "flat") -> np.ndarray:
        """Paint it: (height, width, 3) uint8."""
        return looks.paint(self.drawing, width, height, look)

    def depth(self, width: int, height: int) -> np.ndarray:
        """How near each pixel is: (height, width) float32, 0 (sky) to 1 (at the lens)."""
        return looks.depth(self.drawing, width, height)

    def captions(self, n: int, look: Look = "flat") -> list[str]:
        """Describe it in n ways, always the same for one scene."""
        rng = np.random.default_rng((self.drawing.seed, 9))
        return [caption(self.labels, rng, look) for _ in range(n)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A small world that moves: its labels, and the seed that decides all that they leave free."""

    labels: Labels
    seed: int
    aspect: float
    identity: int | None = None
    """With one, scenes of other seeds show the same object: the seed of how the subject looks."""

    def at(self, t: float) -> Moment:
        """Draw it `t` seconds after its start. The labels stay true at any time."""
        return Moment(drawing=_draw(self, t), labels=self.labels)


def sample(seed: int, *, aspect: float = 1.0, portrait: bool | None = None, held_back: bool = False) -> Scene:
    """Draw a scene by chance; see `sample_labels` for the options."""
    labels = sample_labels(np.random.default_rng((seed, 0)), portrait=portrait, held_back=held_back)
    return compose(labels, seed, aspect)


def compose(labels: Labels, seed: int, aspect: float = 1.0, identity: int | None = None) -> Scene:
    """Make a scene of exactly these labels; `seed` decides the rest, and `identity`, where given, how the subject looks."""
    return Scene(labels=labels, seed=seed, aspect=aspect, identity=identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What the seed decides before anything is drawn."""

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
    chance = rng.random(8).tolist()
    size = min(small + (large - small) * chance[0], 0.95 * aspect / width if width else 1.0)
    focus = aspect * ({"left": 0.25, "centre": 0.5, "right": 0.75}[labels.side] + 0.05 * (chance[1] - 0.5))
    # A wide subject moves in until hardly any of it is cut off, but never so far that its side would be in doubt.
    inward = min(0.44 * size * width, 0.31 * aspect)
    focus = min(max(focus, inward), aspect - inward)
    away = aspect * (0.80 if focus < aspect * 0.45 or (focus < aspect * 0.55 and chance[2] < 0.5) else 0.20) + 0.06 * (chance[3] - 0.5)
    heights = {"dawn": 0.40, "day": 0.17, "sunset": 0.42, "night": 0.17}
    height = min(heights[labels.time], SKYLINE[labels.place] - 0.02 if labels.portrait is None else 0.22) + 0.04 * (chance[4] - 0.5)
    camera = chance[5]
    return _Plan(
        focus=focus,
        size=size,
        depth=chance[6],
        flying=labels.subject in AIRBORNE or (labels.subject == "dragon" and chance[7] < 0.65),
        flip=focus > aspect / 2,
        sun=(away, height),
        pan=0.05 if camera < 0.35 else 0.0,
        zoom=0.06 if camera > 0.75 else 0.0,
    )


def _draw(scene: Scene, t: float) -> Drawing:
    labels, aspect = scene.labels, scene.aspect
    # Nothing draws from these two by what time it is: so only t moves, and the scene stays itself.
    of_subject = scene.seed if scene.identity is None else scene.identity
    rng, rng_subject = np.random.default_rng((scene.seed, 1)), np.random.default_rng((of_subject, 2))
    plan, hour = _plan(scene, rng), sky.hour_of(labels, rng)
    sun_x = plan.sun[0] + 0.03 * float(np.sin(0.06 * t))
    setting = _setting(scene, plan, hour, t, sun_x)
    behind = _above(scene, plan, hour, rng, t, sun_x)
    stage = PLACES[labels.place](rng, setting)
    falls = weather.falling(rng, t, aspect, labels.weather, labels.time)
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
    filmed = _filmed(shapes, sky.lit_colours(shapes, lifts, hour), plan, aspect, t if labels.portrait is None else 0.0)
    return Drawing(
        aspect=aspect,
        sky=sky.gradient(hour, HORIZON[labels.place]),
        shapes=(*filmed, *falls),
        light_from=(setting.light_x, plan.sun[1]),
        light=hour.light,
        seed=scene.seed,
    )


def _setting(scene: Scene, plan: _Plan, hour: sky.Hour, t: float, sun_x: float) -> Setting:
    labels, aspect = scene.labels, scene.aspect
    shining = "sun" in labels.extras or "moon" in labels.extras
    return Setting(
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
    """How far what the picture is about is brought out of the hour's light."""
    if labels.time == "night":
        return 0.55 if labels.portrait else 0.40
    return 0.40 if labels.portrait else 0.22


def _wet(place: Place) -> tuple[Subject, ...]:
    """What stands or floats in the water itself."""
    return (*AFLOAT, "bridge", "lighthouse") if place == "sea" else (*AFLOAT, "bridge")


def _above(scene: Scene, plan: _Plan, hour: sky.Hour, rng: np.random.Generator, t: float, sun_x: float) -> list[Shape]:
    """Everything in the sky behind the land."""
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
    scene: Scene, plan: _Plan, stage: Stage, hour: sky.Hour, rng: np.random.Generator, rng_subject: np.random.Generator, t: float
) -> tuple[list[Shape], list[Shape], list[Shape]]:
    """Put the subject and the extras into a place: what is behind, the subject itself, what is before it."""
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
    if "figure" in labels.extras:
        subject += _figure(scene, plan, stage, rng, rng_subject, t)
    if "birds" in labels.extras:
        subject += extras.birds(rng, t, aspect, plan.focus)
    return back, subject, front


def _foot(plan: _Plan, stage: Stage, wet: bool) -> tuple[float, float, float]:
    """Where a subject's foot is, and how near."""
    x = plan.focus
    if plan.flying:
        return x, 0.16 + plan.size + 0.08 * plan.depth, 0.5
    if wet and stage.waterline is not None:
        return x, stage.waterline + 0.04 * plan.depth, 0.62
    y = height_at(stage.ground, x) + stage.drop[0] + (stage.drop[1] - stage.drop[0]) * plan.depth
    return x, y, stage.near_at(x, y)


def _figure(scene: Scene, plan: _Plan, stage: Stage, rng: np.random.Generator, rng_subject: np.random.Generator, t: float) -> list[Shape]:
    """One person, whole and small, beside the subject and a little nearer."""
    aspect = scene.aspect
    toward = 1.0 if plan.focus < aspect / 2 else -1.0
    x = plan.focus + toward * rng.uniform(0.26, 0.36) * aspect
    y = min(0.96, height_at(stage.ground, x) + stage.drop[1] + 0.05)
    near = min(0.95, stage.near_at(x, y) + 0.02)
    shapes = people.draw_figure(rng_subject, t)
    return [extras.shadow(x, y, 0.05, near), *placed(shapes, x, y, rng.uniform(0.19, 0.23), near, rng.random() < 0.5)]


def _filmed(shapes: list[Shape], colours: list[tuple[float, float, float]], plan: _Plan, aspect: float, t: float) -> list[Shape]:
    """Give shapes their final colours, and their places as the camera pans (the near moves more) and comes closer."""
    pan = plan.pan * float(np.sin(0.35 * t))
    zoom = 1.0 + plan.zoom * (0.5 - 0.5 * float(np.cos(0.25 * t)))
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
            points=outline, colour=colour, material=shape.material, near=shape.near, alpha=shape.alpha, glow=shape.glow,
            soft=shape.soft * zoom, stroke=shape.stroke * zoom, ink=shape.ink,
        )
        for shape, outline, colour in zip(shapes, points, colours, strict=True)
    ]  # fmt: skip
