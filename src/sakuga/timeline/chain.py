"""Storyboard to FrameSpecs: every frame of a film, by name.

The first frame of a film and of each shot after a cut is drawn from its prompt. A shot that the picture flows into is led over:
a few frames drawn from the last picture while prompt and noise travel; the last of them is the new keyframe. Within a shot
every drawn frame starts from the keyframe, moved by the camera, so that errors cannot add up; or, where the shot is a chain, from the
drawn frame before, so that the picture can go on changing. What lies between two drawn frames is an in-between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from sakuga.story.keys import Key, Keys
from sakuga.story.storyboard import LIMITS, Cut, Dissolve, Morph, Shot, Storyboard, StoryboardError, prompt_of
from sakuga.timeline.camera import moved_on, rounded
from sakuga.timeline.frame_settings import Direction as Direction
from sakuga.timeline.keyed_values import number_at, passage
from sakuga.timeline.spec import (
    Between,
    Control,
    Digest,
    Drawn,
    FrameSpec,
    Mix,
    Noise,
    Parallax,
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
from sakuga.timeline.style_weights import Outfit, travelled
from sakuga.timeline.timing import Span, eased, exact, spans


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The exposure sheet: which picture each frame of the film shows."""

    exposures: tuple[Digest, ...]
    specs: Mapping[Digest, FrameSpec]
    """Every picture that the film leans on, leaned-on first."""
    keys: Mapping[Digest, Digest]
    """For drawn pictures whose light does not change: the keyframe whose colours they keep."""
    lights: Mapping[Digest, Digest]
    """For drawn pictures whose prompt has turned: the last one before, whose correction of colours goes for them too."""


def chain(storyboard: Storyboard, direction: Direction, wardrobe: Sequence[Keys[Outfit]] | None = None) -> Sheet:
    """Lay out every frame of a film; as many exposures as round(seconds * rate). `wardrobe` says what each shot wears, where they differ.

    Raises StoryboardError where a shot has a key on a frame that it does not reach.
    """
    usual = (Key(frame=0, value=Outfit(worn=direction.styles)),)
    film = _Film(storyboard, direction, wardrobe or [usual] * len(storyboard.shots))
    for index, span in enumerate(spans((shot.seconds for shot in storyboard.shots), direction.rate)):
        _refuse_late_keys(storyboard.shots[index], film.wardrobe[index], index, len(span))
        if len(span):
            film.shoot(index, span)
    return Sheet(exposures=tuple(film.exposures), specs=film.specs, keys=film.keys, lights=film.lights)


@dataclass(slots=True)
class _Film:
    storyboard: Storyboard
    direction: Direction
    wardrobe: Sequence[Keys[Outfit]]
    specs: dict[Digest, FrameSpec] = field(default_factory=dict)
    exposures: list[Digest] = field(default_factory=list)
    keys: dict[Digest, Digest] = field(default_factory=dict)
    lights: dict[Digest, Digest] = field(default_factory=dict)

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
        followed = self.follow(index, drawn[arrived], arrived, moving)
        self.keep_colours(drawn[arrived], followed)
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
        return self.drawn(index, 0, noise=Seeded(seed=self.storyboard.shots[index].seed))

    def lead_over(self, index: int, before: Digest, moving: int) -> dict[int, Digest]:
        """Travel from the last picture to this shot's keyframe: prompt, noise and styles move evenly, and ever more is drawn anew."""
        shots, direction = self.storyboard.shots, self.direction
        shot, source = shots[index], shots[index - 1]
        places = _drawn_places(_morph_frames(source, direction.rate, moving), self.stride(shot))
        last = round(exact(source.seconds) * direction.rate)
        here, left = self.shown(index - 1, last), self.wandering(source, last)
        led: dict[int, Digest] = {}
        for place in places:
            at = rounded((place + 1) / (places[-1] + 1))
            noise = Seeded(seed=shot.seed)
            start = Start(frame=before, strength=self.strength_into(shot, place, at))
            arriving = self.drawn(index, place, noise=noise, start=start)
            conditioning = Mix(first=here, second=arriving.conditioning, at=at)
            worn = travelled(self.worn(index - 1, last), arriving.styles, at)
            on_the_way = replace(arriving, conditioning=conditioning, noise=Slerp(first=left, second=noise, at=at), styles=worn)
            led[place] = self.add(on_the_way if at < 1 else arriving)
        return led

    def strength_into(self, shot: Shot, place: int, at: float) -> float:
        """How much is drawn anew on the way into a shot: from what is drawn anew within a shot up to the whole strength."""
        if isinstance(shot.strength, tuple):
            return number_at(shot.strength, place)
        most, least = shot.strength or self.direction.strength, self.direction.hold_on
        return rounded(least + at * (most - least)) if most > least else most

    def follow(self, index: int, key: Digest, arrived: int, moving: int) -> dict[int, Digest]:
        """Draw on from where the shot has arrived to its last moving frame: along the camera's way, each from the key or the one before."""
        shot, direction = self.storyboard.shots[index], self.direction
        chained = (shot.follow or direction.follow) == "chain"
        batch = 1 if chained or _varies(shot) or len(self.wardrobe[index]) > 1 else direction.batch
        length, before, came_from = moving - arrived, key, 0.0
        followed: dict[int, Digest] = {}
        for place in _drawn_places(length, self.stride(shot))[1:]:
            progress = eased(place / (length - 1), shot.ease)
            strength = number_at(shot.strength, arrived + place) if isinstance(shot.strength, tuple) else direction.hold_on
            same = before != key and self.look(index, arrived + place) == self.look(index, arrived)
            start = Start(frame=before, strength=strength, warp=self.warp(shot, came_from, progress), colours=key if same else None)
            spec = self.drawn(index, arrived + place, noise=self.wandering(shot, place), start=start, batch=batch)
            followed[arrived + place] = self.add(spec)
            if chained:
                before, came_from = followed[arrived + place], progress
        return followed

    def warp(self, shot: Shot, before: float, after: float) -> Warp:
        """How the camera moves between two shares of its way."""
        camera, direction = shot.camera, self.direction
        parallax = Parallax(depth=direction.depth, share=camera.parallax) if camera.parallax else None
        return moved_on(camera, before, after, direction.width / direction.height, parallax)

    def keep_colours(self, key: Digest, followed: Mapping[int, Digest]) -> None:
        """Let each picture of a shot keep its keyframe's colours while the prompt is the same; from where it turns on, colours are free.

        What was corrected until then goes on being corrected, so that the turn itself makes no jump.
        """
        first, last = self.specs[key], None
        turned = False
        for _, name in sorted(followed.items()):
            spec = self.specs[name]
            assert isinstance(first, Drawn)
            assert isinstance(spec, Drawn)
            turned = turned or (spec.conditioning, spec.styles) != (first.conditioning, first.styles)
            if not turned:
                self.keys[name], last = key, name
            elif last is not None:
                self.lights[name] = last

    def look(self, index: int, place: int) -> tuple[Text | Mix, tuple[Worn, ...]]:
        """What decides the colours of a frame: what it shows, in which styles."""
        return self.shown(index, place), self.worn(index, place)

    def shown(self, index: int, place: int) -> Text | Mix:
        """What a shot shows at a frame; where styles change, the words that call them up change with them."""
        shot = self.storyboard.shots[index]
        before, after, at = passage(self.wardrobe[index], place)
        prompts = (Key(frame=0, value=shot.prompt), *shot.turns)
        first, second = (self.said(index, passage(prompts, place), outfit.words) for outfit in (before, after))
        return _mixed(first, second, at)

    def said(self, index: int, way: tuple[str, str, float], words: Sequence[str]) -> Text | Mix:
        """What a shot says on the way from one prompt to another, with the words of a style."""
        before, after = (prompt_of(self.storyboard, index, prompt) for prompt in way[:2])
        return _mixed(_with(before, words), _with(after, words), way[2])

    def worn(self, index: int, place: int) -> tuple[Worn, ...]:
        """What a shot wears at a frame."""
        before, after, at = passage(self.wardrobe[index], place)
        return travelled(before.worn, after.worn, at) if at else before.worn

    def wandering(self, shot: Shot, place: int) -> Noise:
        return Walk(seed=shot.seed, at=rounded(place / float(self.direction.rate) * self.direction.wander))

    def fill(self, drawn: dict[int, Digest], moving: int, *, after: Digest | None, arrived: int, way: Way) -> list[Digest]:
        """Name every frame from 0 to `moving`: the drawn ones, and in-betweens where none is drawn, in their `way` until arrived."""
        known = {-1: after, **drawn} if after is not None else drawn
        names = dict(drawn)
        for left, right in pairwise(sorted(known)):
            for place in range(left + 1, right):
                at = rounded((place - left) / (right - left))
                made = way if right <= arrived else self.direction.between
                names[place] = self.add(Between(first=known[left], second=known[right], at=at, way=made))
        return [names[place] for place in range(moving)]

    def dissolve(self, frames: list[Digest], before: Digest, entry: Dissolve) -> list[Digest]:
        """Fade the shot in over the last picture of the one before."""
        fading = min(round(exact(entry.seconds) * self.direction.rate), len(frames))
        faded = [
            self.add(Between(first=before, second=frames[place], at=rounded((place + 1) / (fading + 1)), way="crossfade"))
            for place in range(fading)
        ]
        return faded + frames[fading:]

    def drawn(self, index: int, place: int, *, noise: Noise, start: Start | None = None, batch: int = 1) -> Drawn:
        """Draw a frame of a shot, by what its keys say at that frame."""
        shot, direction = self.storyboard.shots[index], self.direction
        weight = direction.control if shot.control is None else number_at(shot.control, place)
        led = Control(frame=start.frame, depth=direction.depth, weight=weight, warp=start.warp) if start and weight else None
        return direction.drawn(
            self.shown(index, place),
            negative=Text(prompt=", ".join(filter(None, (direction.negative, shot.negative)))),
            noise=noise,
            start=start,
            control=led,
            guidance=None if shot.guidance is None else number_at(shot.guidance, place),
            steps=None if shot.steps is None else round(number_at(shot.steps, place)),
            styles=self.worn(index, place),
            batch=batch,
        )

    def stride(self, shot: Shot) -> int:
        """Frames from one drawn frame to the next: at least `drawn_rate` of them a second, and each of them seen, as far as may be."""
        most, on = max(1, int(self.direction.rate / self.direction.drawn_rate)), self.on(shot)
        return max(most - most % on, on)


def _with(prompt: str, words: Sequence[str]) -> Text:
    return Text(prompt=", ".join([prompt, *(word for word in words if word not in prompt)]))


def _mixed(first: Text | Mix, second: Text | Mix, at: float) -> Text | Mix:
    return Mix(first=first, second=second, at=rounded(at)) if at and first != second else first


def _morph_frames(source: Shot, rate: Fraction, moving: int) -> int:
    seconds = source.transition.seconds if isinstance(source.transition, Morph) else 0.0
    return max(1, min(round(exact(seconds) * rate), moving))


def _drawn_places(length: int, stride: int) -> list[int]:
    """Every `stride`-th place of `length`, and the last.

    >>> _drawn_places(8, 3)
    [0, 3, 6, 7]
    """
    return sorted({*range(0, length, stride), length - 1})


def _varies(shot: Shot) -> bool:
    """Tell whether frames of a shot differ in more than a batch can hold."""
    return any(isinstance(getattr(shot, name), tuple) for name in LIMITS)


def _refuse_late_keys(shot: Shot, styles: Keys[Outfit], index: int, length: int) -> None:
    """Raise StoryboardError for a key beyond a shot's end, where it would never count; the end itself can be a key."""
    keyed: dict[str, Sequence[Key[Any]]] = {"prompt": shot.turns, "style": styles}
    keyed |= {name: value for name in LIMITS if isinstance(value := getattr(shot, name), tuple)}
    for name, keys in keyed.items():
        if late := next((key.frame for key in keys if key.frame > length), None):
            raise StoryboardError(
                f"shot {index + 1} ends on frame {length}: move the key for {name} on frame {late}: give keys up to there"
            )
