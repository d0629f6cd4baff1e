"""Storyboard to FrameSpecs: every frame of a film, by name.

The first frame of a film, and of each shot after a cut, is generated from its prompt: the shot's keyframe. A morph into a shot
generates a few frames from the last image while prompt and noise interpolate; the last of them is the shot's keyframe. The other
generated frames of a shot start from the keyframe, warped by the camera, so that errors cannot add up; or, with `init_from`
"previous", from the generated frame before. Everything else is an in-between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from sakuga.story.keys import Key, Keys
from sakuga.story.storyboard import LIMITS, Cut, Dissolve, Morph, Shot, Storyboard, StoryboardError, full_prompt
from sakuga.timeline.camera import camera_warp, round6
from sakuga.timeline.frame_settings import FrameSettings as FrameSettings
from sakuga.timeline.keyed_values import interpolation_at, number_at
from sakuga.timeline.spec import (
    AppliedStyle,
    ControlImage,
    Digest,
    FrameSpec,
    Generated,
    InBetween,
    InBetweenMethod,
    InitImage,
    Interpolated,
    Noise,
    NoiseWalk,
    Parallax,
    Prompt,
    SeedNoise,
    SlerpNoise,
    Warp,
    digest,
)
from sakuga.timeline.style_weights import StyleWeights, interpolate_styles
from sakuga.timeline.timing import Span, apply_easing, exact_seconds, frame_spans


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureSheet:
    """The image that each frame of a film shows."""

    exposures: tuple[Digest, ...]
    specs: Mapping[Digest, FrameSpec]
    """Every frame that the film needs, after its dependencies."""
    color_references: Mapping[Digest, Digest]
    """For frames whose prompt is still their keyframe's: the keyframe to match colors to."""
    color_corrections: Mapping[Digest, Digest]
    """For frames whose prompt has changed: the last frame before, whose color correction they share."""


def lay_out_film(storyboard: Storyboard, settings: FrameSettings, styles: Sequence[Keys[StyleWeights]] | None = None) -> ExposureSheet:
    """Lay out every frame of a film.

    There are round(seconds * rate) exposures.

    `styles` are those of each shot (default: the film's). Raises StoryboardError for a shot without a frame, or a key beyond its last one.
    """
    default = (Key(frame=0, value=StyleWeights(styles=settings.styles)),)
    film = _Film(storyboard, settings, styles or [default] * len(storyboard.shots))
    for index, span in enumerate(frame_spans((shot.seconds for shot in storyboard.shots), settings.rate)):
        if not len(span):
            raise StoryboardError(f"shot {index + 1} lasts {storyboard.shots[index].seconds:g} s, less than a frame: give it more seconds")
        _refuse_late_keys(storyboard.shots[index], film.styles[index], index, len(span))
        film.add_shot(index, span)
    return ExposureSheet(
        exposures=tuple(film.exposures), specs=film.specs, color_references=film.color_references, color_corrections=film.color_corrections
    )


@dataclass(slots=True)
class _Film:
    storyboard: Storyboard
    settings: FrameSettings
    styles: Sequence[Keys[StyleWeights]]
    specs: dict[Digest, FrameSpec] = field(default_factory=dict)
    exposures: list[Digest] = field(default_factory=list)
    color_references: dict[Digest, Digest] = field(default_factory=dict)
    color_corrections: dict[Digest, Digest] = field(default_factory=dict)

    def add(self, spec: FrameSpec) -> Digest:
        name = digest(spec)
        self.specs.setdefault(name, spec)
        return name

    def add_shot(self, index: int, span: Span) -> None:
        """Lay out one shot, from its transition to its hold."""
        shot = self.storyboard.shots[index]
        entry = self.storyboard.shots[index - 1].transition if self.exposures else Cut()
        before = self.exposures[-1] if self.exposures else None
        held = min(round(exact_seconds(shot.hold) * self.settings.rate), len(span) - 1)
        moving = len(span) - held
        generated: dict[int, Digest] = {}
        if before is not None and isinstance(entry, Morph):
            generated |= self.morph_into(index, before, moving)
        else:
            generated[0] = self.add(self.keyframe(index))
        arrival = max(generated)
        within = self.frames_within(index, generated[arrival], arrival, moving)
        self.plan_colors(generated[arrival], within)
        generated |= within
        method = (entry.method if isinstance(entry, Morph) else None) or self.settings.between
        frames = self.fill(generated, moving, after=before if isinstance(entry, Morph) else None, arrival=arrival, method=method)
        frames += [frames[-1]] * held
        if before is not None and isinstance(entry, Dissolve):
            frames = self.dissolve(frames, before, entry)
        on = self.on(shot)
        self.exposures += [frames[place - place % on] for place in range(len(frames))]

    def on(self, shot: Shot) -> int:
        """Frames that each image of a shot stays."""
        return shot.on or self.settings.on

    def keyframe(self, index: int) -> Generated:
        """Return a shot's first frame after a cut.

        Its prompt alone decides it.
        """
        return self.generated(index, 0, noise=SeedNoise(seed=self.storyboard.shots[index].seed))

    def morph_into(self, index: int, before: Digest, moving: int) -> dict[int, Digest]:
        """Morph from the last image to this shot's keyframe.

        Prompt, noise and styles interpolate evenly, and the denoising strength grows.
        """
        shots, settings = self.storyboard.shots, self.settings
        shot, source = shots[index], shots[index - 1]
        places = _keyframe_places(_morph_frames(source, settings.rate, moving), self.stride(shot))
        last = round(exact_seconds(source.seconds) * settings.rate)
        prompt_before, noise_before = self.conditioning(index - 1, last), self.noise(source, last)
        morph: dict[int, Digest] = {}
        for place in places:
            at = round6((place + 1) / (places[-1] + 1))
            noise = SeedNoise(seed=shot.seed)
            init = InitImage(frame=before, strength=self.morph_strength(shot, place, at))
            target = self.generated(index, place, noise=noise, init=init)
            conditioning = Interpolated(first=prompt_before, second=target.conditioning, at=at)
            styles = interpolate_styles(self.styles_at(index - 1, last), target.styles, at)
            between = replace(target, conditioning=conditioning, noise=SlerpNoise(first=noise_before, second=noise, at=at), styles=styles)
            morph[place] = self.add(between if at < 1 else target)
        return morph

    def morph_strength(self, shot: Shot, place: int, at: float) -> float:
        """Return the denoising strength within a morph.

        It grows from `shot_strength` to `strength`.
        """
        if isinstance(shot.strength, tuple):
            return number_at(shot.strength, place)
        most, least = shot.strength or self.settings.strength, self.settings.shot_strength
        return round6(least + at * (most - least)) if most > least else most

    def frames_within(self, index: int, key: Digest, arrival: int, moving: int) -> dict[int, Digest]:
        """Return the generated frames after the keyframe."""
        shot, settings = self.storyboard.shots[index], self.settings
        chained = (shot.init_from or settings.init_from) == "previous"
        batch = 1 if chained or _varies(shot) or len(self.styles[index]) > 1 else settings.batch
        length, before, progress_before = moving - arrival, key, 0.0
        within: dict[int, Digest] = {}
        for place in _keyframe_places(length, self.stride(shot))[1:]:
            progress = apply_easing(place / (length - 1), shot.ease)
            strength = number_at(shot.strength, arrival + place) if isinstance(shot.strength, tuple) else settings.shot_strength
            same = before != key and self.look(index, arrival + place) == self.look(index, arrival)
            warp = self.warp(shot, progress_before, progress)
            init = InitImage(frame=before, strength=strength, warp=warp, color_reference=key if same else None)
            spec = self.generated(index, arrival + place, noise=self.noise(shot, place), init=init, batch=batch)
            within[arrival + place] = self.add(spec)
            if chained:
                before, progress_before = within[arrival + place], progress
        return within

    def warp(self, shot: Shot, before: float, after: float) -> Warp:
        """Return the camera's warp between two points of its move."""
        camera, settings = shot.camera, self.settings
        parallax = Parallax(depth=settings.depth, share=camera.parallax) if camera.parallax else None
        return camera_warp(camera, before, after, settings.width / settings.height, parallax)

    def plan_colors(self, key: Digest, within: Mapping[int, Digest]) -> None:
        """Match frames to their keyframe's colors.

        Until the prompt or style changes.

        Later frames share the correction of the last matched one, so that the change makes no jump.
        """
        first, last = self.specs[key], None
        changed = False
        for _, name in sorted(within.items()):
            spec = self.specs[name]
            assert isinstance(first, Generated)
            assert isinstance(spec, Generated)
            changed = changed or (spec.conditioning, spec.styles) != (first.conditioning, first.styles)
            if not changed:
                self.color_references[name], last = key, name
            elif last is not None:
                self.color_corrections[name] = last

    def look(self, index: int, place: int) -> tuple[Prompt | Interpolated, tuple[AppliedStyle, ...]]:
        """Return the conditioning and styles of a frame."""
        return self.conditioning(index, place), self.styles_at(index, place)

    def conditioning(self, index: int, place: int) -> Prompt | Interpolated:
        """Return the conditioning of a frame.

        Where styles change, so do their trigger words.
        """
        shot = self.storyboard.shots[index]
        before, after, at = interpolation_at(self.styles[index], place)
        prompts = (Key(frame=0, value=shot.prompt), *shot.turns)
        first, second = (self.prompt_between(index, interpolation_at(prompts, place), weights.trigger_words) for weights in (before, after))
        return _interpolated(first, second, at)

    def prompt_between(self, index: int, turn: tuple[str, str, float], trigger_words: Sequence[str]) -> Prompt | Interpolated:
        """Return the conditioning between two prompts.

        With trigger words.
        """
        before, after = (full_prompt(self.storyboard, index, prompt) for prompt in turn[:2])
        return _interpolated(_with_triggers(before, trigger_words), _with_triggers(after, trigger_words), turn[2])

    def styles_at(self, index: int, place: int) -> tuple[AppliedStyle, ...]:
        """Return the styles of a frame."""
        before, after, at = interpolation_at(self.styles[index], place)
        return interpolate_styles(before.styles, after.styles, at) if at else before.styles

    def noise(self, shot: Shot, place: int) -> Noise:
        """Return the drifting noise of a frame within a shot."""
        return NoiseWalk(seed=shot.seed, at=round6(place / float(self.settings.rate) * self.settings.noise_drift))

    def fill(
        self, generated: dict[int, Digest], moving: int, *, after: Digest | None, arrival: int, method: InBetweenMethod
    ) -> list[Digest]:
        """Return every frame, with in-betweens.

        From 0 to `moving`; `method` counts up to `arrival`.
        """
        known = {-1: after, **generated} if after is not None else generated
        names = dict(generated)
        for left, right in pairwise(sorted(known)):
            for place in range(left + 1, right):
                at = round6((place - left) / (right - left))
                chosen = method if right <= arrival else self.settings.between
                names[place] = self.add(InBetween(first=known[left], second=known[right], at=at, method=chosen))
        return [names[place] for place in range(moving)]

    def dissolve(self, frames: list[Digest], before: Digest, entry: Dissolve) -> list[Digest]:
        """Fade the shot in over the last image."""
        fading = min(round(exact_seconds(entry.seconds) * self.settings.rate), len(frames))
        faded = [
            self.add(InBetween(first=before, second=frames[place], at=round6((place + 1) / (fading + 1)), method="crossfade"))
            for place in range(fading)
        ]
        return faded + frames[fading:]

    def generated(self, index: int, place: int, *, noise: Noise, init: InitImage | None = None, batch: int = 1) -> Generated:
        """Return a frame's spec, with keyed values evaluated."""
        shot, settings = self.storyboard.shots[index], self.settings
        weight = settings.control_weight if shot.control_weight is None else number_at(shot.control_weight, place)
        control = ControlImage(frame=init.frame, depth=settings.depth, weight=weight, warp=init.warp) if init and weight else None
        return settings.spec(
            self.conditioning(index, place),
            negative=Prompt(prompt=", ".join(filter(None, (settings.negative, shot.negative)))),
            noise=noise,
            init=init,
            control=control,
            guidance=None if shot.guidance is None else number_at(shot.guidance, place),
            steps=None if shot.steps is None else round(number_at(shot.steps, place)),
            styles=self.styles_at(index, place),
            batch=batch,
        )

    def stride(self, shot: Shot) -> int:
        """Return the frames from one generated frame to the next.

        At least `keyframe_rate` are generated per second, on frames that are shown where possible.
        """
        most, on = max(1, int(self.settings.rate / self.settings.keyframe_rate)), self.on(shot)
        return max(most - most % on, on)


def _with_triggers(prompt: str, trigger_words: Sequence[str]) -> Prompt:
    return Prompt(prompt=", ".join([prompt, *(word for word in trigger_words if word not in prompt)]))


def _interpolated(first: Prompt | Interpolated, second: Prompt | Interpolated, at: float) -> Prompt | Interpolated:
    return Interpolated(first=first, second=second, at=round6(at)) if at and first != second else first


def _morph_frames(source: Shot, rate: Fraction, moving: int) -> int:
    seconds = source.transition.seconds if isinstance(source.transition, Morph) else 0.0
    return max(1, min(round(exact_seconds(seconds) * rate), moving))


def _keyframe_places(length: int, stride: int) -> list[int]:
    """Return every `stride`-th place of `length`, and the last.

    >>> _keyframe_places(8, 3)
    [0, 3, 6, 7]
    """
    return sorted({*range(0, length, stride), length - 1})


def _varies(shot: Shot) -> bool:
    """Return whether a shot has keyed settings.

    Its frames then share no batch.
    """
    return any(isinstance(getattr(shot, name), tuple) for name in LIMITS)


def _refuse_late_keys(shot: Shot, styles: Keys[StyleWeights], index: int, length: int) -> None:
    """Raise StoryboardError for keys beyond a shot's end."""
    keyed: dict[str, Sequence[Key[Any]]] = {"prompt": shot.turns, "style": styles}
    keyed |= {name: value for name in LIMITS if isinstance(value := getattr(shot, name), tuple)}
    for name, keys in keyed.items():
        if late := next((key.frame for key in keys if key.frame > length), None):
            raise StoryboardError(
                f"shot {index + 1} ends on frame {length}, but {name} has a key on frame {late}: use frames 0 to {length}"
            )
