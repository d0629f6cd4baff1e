"""Storyboard to FrameSpecs: every frame of a film, by name.

The first frame of a film and of each shot after a cut is drawn from its prompt. A shot that the picture flows into is led over:
a few frames drawn from the last picture while prompt and noise travel; the last of them is the new keyframe. Within a shot
every drawn frame starts from the keyframe, moved by the camera, so that errors cannot add up. What lies between two drawn frames
is an in-between.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

from sakuga.story.storyboard import Camera, Cut, Dissolve, Morph, Shot, Storyboard, prompt_of
from sakuga.timeline.spec import (
    Between,
    Digest,
    Drawn,
    FrameSpec,
    Mix,
    Noise,
    Precision,
    Sampler,
    Seeded,
    Slerp,
    Start,
    Text,
    Walk,
    Warp,
    Way,
    Worn,
    digest,
)
from sakuga.timeline.timing import Span, eased, exact, spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """How a storyboard is drawn."""

    checkpoint: Digest
    width: int
    height: int
    rate: Fraction = Fraction(12)
    """Frames a second."""
    drawn_rate: int = 4
    """Frames a second that the model draws, at least; the others are in-betweens."""
    between: Way = "flow"
    """How in-betweens are made."""
    on: int = 1
    """Frames that each picture stands for: 2 is on twos."""
    sampler: Sampler = "dpm++"
    steps: int = 20
    guidance: float = 5.0
    strength: float = 0.7
    """How much of the noise schedule is drawn again from one keyframe to the next."""
    hold_on: float = 0.4
    """The same within a shot: low, so that a picture stays itself while the camera moves."""
    wander: float = 0.15
    """How far the noise walks in a second; 0.0 freezes the picture's grain, 1.0 is a new noise every second."""
    negative: str = ""
    styles: tuple[Worn, ...] = ()
    precision: Precision = "fp32"
    batch: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The exposure sheet: which picture each frame of the film shows."""

    exposures: tuple[Digest, ...]
    specs: Mapping[Digest, FrameSpec]
    """Every picture that the film leans on, leaned-on first."""
    keys: Mapping[Digest, Digest]
    """For drawn pictures whose light does not change: the keyframe whose colours they keep."""


def chain(storyboard: Storyboard, direction: Direction) -> Sheet:
    """Lay out every frame of a film; as many exposures as round(seconds * rate)."""
    film = _Film(storyboard, direction)
    for index, span in enumerate(spans((shot.seconds for shot in storyboard.shots), direction.rate)):
        if len(span):
            film.shoot(index, span)
    return Sheet(exposures=tuple(film.exposures), specs=film.specs, keys=film.keys)


@dataclass(slots=True)
class _Film:
    storyboard: Storyboard
    direction: Direction
    specs: dict[Digest, FrameSpec] = field(default_factory=dict)
    exposures: list[Digest] = field(default_factory=list)
    keys: dict[Digest, Digest] = field(default_factory=dict)

    def add(self, spec: FrameSpec) -> Digest:
        name = digest(spec)
        self.specs.setdefault(name, spec)
        return name

    def shoot(self, index: int, span: Span) -> None:
        """Draw one shot, from its entry to its hold."""
        shot = self.storyboard.shots[index]
        entry = self.storyboard.shots[index - 1].transition if self.exposures else Cut()
        before = self.exposures[-1] if self.exposures else None
        held = min(round(exact(shot.hold) * self.direction.rate), len(span) - 1)
        moving = len(span) - held
        drawn: dict[int, Digest] = {}
        if before is not None and isinstance(entry, Morph):
            drawn |= self.lead_over(index, before, moving)
        else:
            drawn[0] = self.add(self.keyframe(index))
        arrived = max(drawn)
        followed = self.follow_camera(index, drawn[arrived], arrived, moving)
        self.keys |= dict.fromkeys(followed.values(), drawn[arrived])
        drawn |= followed
        way = (entry.way if isinstance(entry, Morph) else None) or self.direction.between
        frames = self.fill(drawn, moving, after=before if isinstance(entry, Morph) else None, arrived=arrived, way=way)
        frames += [frames[-1]] * held
        if before is not None and isinstance(entry, Dissolve):
            frames = self.dissolve(frames, before, entry)
        on = self.on(shot)
        self.exposures += [frames[place - place % on] for place in range(len(frames))]

    def on(self, shot: Shot) -> int:
        """Frames that each picture of a shot stands for."""
        return shot.on or self.direction.on

    def keyframe(self, index: int) -> Drawn:
        """The first picture of a shot that begins with a cut: nothing but its prompt decides it."""
        shot = self.storyboard.shots[index]
        return self.drawn(shot, Text(prompt=prompt_of(self.storyboard, index)), noise=Seeded(seed=shot.seed))

    def lead_over(self, index: int, before: Digest, moving: int) -> dict[int, Digest]:
        """Travel from the last picture to this shot's keyframe: prompt and noise move in even steps, and ever more is drawn anew."""
        shots, direction = self.storyboard.shots, self.direction
        shot, source = shots[index], shots[index - 1]
        places = _drawn_places(_morph_frames(source, direction.rate, moving), self.stride(shot))
        here, there = (Text(prompt=prompt_of(self.storyboard, place)) for place in (index - 1, index))
        left = self.wandering(source, round(exact(source.seconds) * direction.rate))
        most = shot.strength or direction.strength
        led: dict[int, Digest] = {}
        for place in places:
            at = _rounded((place + 1) / (places[-1] + 1))
            arriving = self.drawn(shot, there, noise=Seeded(seed=shot.seed))
            on_the_way = replace(
                arriving, conditioning=Mix(first=here, second=there, at=at), noise=Slerp(first=left, second=Seeded(seed=shot.seed), at=at)
            )
            strength = _rounded(direction.hold_on + at * (most - direction.hold_on)) if most > direction.hold_on else most
            led[place] = self.add(replace(on_the_way if at < 1 else arriving, start=Start(frame=before, strength=strength)))
        return led

    def follow_camera(self, index: int, key: Digest, arrived: int, moving: int) -> dict[int, Digest]:
        """Redraw the keyframe along the camera's way, from where the shot has arrived to its last moving frame."""
        shot, direction = self.storyboard.shots[index], self.direction
        prompt = Text(prompt=prompt_of(self.storyboard, index))
        length = moving - arrived
        followed: dict[int, Digest] = {}
        for place in _drawn_places(length, self.stride(shot))[1:]:
            warp = _warp(shot.camera, eased(place / (length - 1), shot.ease))
            start = Start(frame=key, strength=direction.hold_on, warp=warp)
            followed[arrived + place] = self.add(
                self.drawn(shot, prompt, noise=self.wandering(shot, place), start=start, batch=direction.batch)
            )
        return followed

    def wandering(self, shot: Shot, place: int) -> Noise:
        return Walk(seed=shot.seed, at=_rounded(place / float(self.direction.rate) * self.direction.wander))

    def fill(self, drawn: dict[int, Digest], moving: int, *, after: Digest | None, arrived: int, way: Way) -> list[Digest]:
        """Name every frame from 0 to `moving`: the drawn ones, and in-betweens where none is drawn, in their `way` until arrived."""
        known = {-1: after, **drawn} if after is not None else drawn
        names = dict(drawn)
        for left, right in pairwise(sorted(known)):
            for place in range(left + 1, right):
                at = _rounded((place - left) / (right - left))
                made = way if right <= arrived else self.direction.between
                names[place] = self.add(Between(first=known[left], second=known[right], at=at, way=made))
        return [names[place] for place in range(moving)]

    def dissolve(self, frames: list[Digest], before: Digest, entry: Dissolve) -> list[Digest]:
        """Fade the shot in over the last picture of the one before."""
        fading = min(round(exact(entry.seconds) * self.direction.rate), len(frames))
        faded = [
            self.add(Between(first=before, second=frames[place], at=_rounded((place + 1) / (fading + 1)), way="crossfade"))
            for place in range(fading)
        ]
        return faded + frames[fading:]

    def drawn(self, shot: Shot, conditioning: Text | Mix, *, noise: Noise, start: Start | None = None, batch: int = 1) -> Drawn:
        direction = self.direction
        return Drawn(
            checkpoint=direction.checkpoint,
            conditioning=conditioning,
            negative=Text(prompt=", ".join(filter(None, (direction.negative, shot.negative)))),
            noise=noise,
            start=start,
            width=direction.width,
            height=direction.height,
            sampler=direction.sampler,
            steps=direction.steps,
            guidance=direction.guidance,
            styles=direction.styles,
            batch=batch,
            precision=direction.precision,
        )

    def stride(self, shot: Shot) -> int:
        """Frames from one drawn frame to the next: at least `drawn_rate` of them a second, and each of them seen, as far as may be."""
        most, on = max(1, int(self.direction.rate / self.direction.drawn_rate)), self.on(shot)
        return max(most - most % on, on)


def _morph_frames(source: Shot, rate: Fraction, moving: int) -> int:
    seconds = source.transition.seconds if isinstance(source.transition, Morph) else 0.0
    return max(1, min(round(exact(seconds) * rate), moving))


def _drawn_places(length: int, stride: int) -> list[int]:
    """Every `stride`-th place of `length`, and the last.

    >>> _drawn_places(8, 3)
    [0, 3, 6, 7]
    """
    return sorted({*range(0, length, stride), length - 1})


def _warp(camera: Camera, progress: float) -> Warp:
    """Where the camera stands after a share of its way; zoom grows evenly in ratio, so that the speed looks constant."""
    x, y = camera.pan
    return Warp(
        zoom=_rounded(camera.zoom**progress),
        pan=(_rounded(x * progress), _rounded(y * progress)),
        rotate=_rounded(camera.rotate * progress),
    )


def _rounded(value: float) -> float:
    """Six digits are enough for motion, and keep names free of the last bit's noise."""
    return round(float(value), 6)
