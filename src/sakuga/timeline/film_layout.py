"""Storyboard to FrameSpecs: every frame of a film, by name.

The first frame of a film, and of each shot after a cut, is generated from its prompt: the shot's keyframe. A morph into a shot
generates a few frames from the last image while prompt and noise interpolate; the last of them is the shot's keyframe. The other
generated frames of a shot start from the keyframe, warped by the camera, so that errors cannot add up; or, with `init_from`
"previous", from the generated frame before. Everything else is an in-between. Shots with a motion adapter are laid out by `moving_shot`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from sakuga.sketchbook.caption_reading import read_labels
from sakuga.story.keys import Key, Keys
from sakuga.story.limits import MAX_FRAMES
from sakuga.story.storyboard import LIMITS, Cut, Dissolve, Morph, Shot, Storyboard, StoryboardError, Transition, full_prompt, full_prompts
from sakuga.timeline.camera import camera_warp, round6
from sakuga.timeline.controls import STILL, PlannedControl, controls_at
from sakuga.timeline.frame_settings import FrameSettings as FrameSettings
from sakuga.timeline.keyed_values import interpolation_at, number_at
from sakuga.timeline.motion import MotionSettings, Track
from sakuga.timeline.moving_shot import generated_in_betweens, lay_out_moving_shot
from sakuga.timeline.prompts import prompt_of
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
    Reference,
    SeedNoise,
    SlerpNoise,
    Warp,
    dependencies,
    digest,
)
from sakuga.timeline.style_weights import StyleWeights, interpolate_styles
from sakuga.timeline.timing import Span, apply_easing, exact_seconds, frame_spans
from sakuga.timeline.transition_timing import LaidTransition, Timings, planned_timing


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
    color_fades: Mapping[Digest, tuple[Digest, float]] = field(default_factory=dict)
    """For frames of a morph: the frame before it, and the share of that frame's correction that is left."""
    transitions: Mapping[int, LaidTransition] = field(default_factory=dict)
    """The morphs between generated frames, by the shot that they lead into, counted from 0."""


def lay_out_film(
    storyboard: Storyboard,
    settings: FrameSettings,
    styles: Sequence[Keys[StyleWeights]] | None = None,
    motions: Sequence[MotionSettings | None] = (),
    timings: Timings | None = None,
    controls: Sequence[tuple[PlannedControl, ...]] = (),
) -> ExposureSheet:
    """Lay out every frame of a film.

    There are round(seconds * rate) exposures.

    `styles` are those of each shot (default: the film's), `motions` how each moves (default: without a motion adapter),
    `timings` those of morphs that are retimed, `controls` the ControlNets of each shot (default: the film's). Raises StoryboardError for a
    shot without a frame, or a key beyond its last one.
    """
    default = (Key(frame=0, value=StyleWeights(styles=settings.styles)),)
    count = len(storyboard.shots)
    spans = frame_spans((shot.seconds for shot in storyboard.shots), settings.rate)
    if spans[-1].stop > MAX_FRAMES:
        raise StoryboardError(
            f"the film has {spans[-1].stop:,} frames, and a clip can hold {MAX_FRAMES:,}: choose fewer seconds or a lower fps"
        )
    film = FilmLayout(storyboard, settings, spans, styles or [default] * count, motions or [None] * count, timings or {})
    film.plan_controls(controls or [settings.controls] * count)
    for index, span in enumerate(spans):
        if not len(span):
            raise StoryboardError(f"shot {index + 1} lasts {storyboard.shots[index].seconds:g} s, less than a frame: give it more seconds")
        _refuse_late_keys(storyboard.shots[index], film.styles[index], index, len(span))
        film.choose_reference(index)
        film.add_shot(index, span)
    return ExposureSheet(
        exposures=tuple(film.exposures),
        specs=film.needed(),
        color_references=film.color_references,
        color_corrections=film.color_corrections,
        color_fades=film.color_fades,
        transitions=film.transitions,
    )


@dataclass(slots=True)
class FilmLayout:
    """A film while its shots are laid out, one after the other."""

    storyboard: Storyboard
    settings: FrameSettings
    spans: Sequence[Span]
    styles: Sequence[Keys[StyleWeights]]
    motions: Sequence[MotionSettings | None]
    timings: Timings
    controls: Sequence[tuple[PlannedControl, ...]] = ()
    """The ControlNets of each shot."""
    specs: dict[Digest, FrameSpec] = field(default_factory=dict)
    exposures: list[Digest] = field(default_factory=list)
    color_references: dict[Digest, Digest] = field(default_factory=dict)
    color_corrections: dict[Digest, Digest] = field(default_factory=dict)
    color_fades: dict[Digest, tuple[Digest, float]] = field(default_factory=dict)
    transitions: dict[int, LaidTransition] = field(default_factory=dict)
    first: Reference | None = None
    """The keyframe of the first shot, whose look others keep."""
    reference: Reference | None = None
    """The same for the shot that is laid out, or None."""
    first_track: Track | None = None
    """The frames of the first shot, without the camera's moves."""
    track: Track | None = None
    """The frames of the last shot, without the camera's moves."""
    last_warp: Warp = field(default_factory=Warp)
    """Where the camera was at its end."""

    def add(self, spec: FrameSpec) -> Digest:
        name = digest(spec)
        self.specs.setdefault(name, spec)
        return name

    def plan_controls(self, controls: Sequence[tuple[PlannedControl, ...]]) -> None:
        """Set the ControlNets of each shot, and add the images that are given for them."""
        self.controls = controls
        for one in (one for shot in controls for one in shot if one.image):
            assert one.image
            self.add(one.image)

    def choose_reference(self, index: int) -> None:
        """Let a shot keep the look of the first shot, unless its light or weather is another.

        Attention would bring the first shot's sky along.
        """
        if not index and self.settings.reference_weight:
            spec, weight = self.keyframe(index), self.settings.reference_weight
            self.first = Reference(frame=self.add(spec), prompt=spec.conditioning, noise=spec.noise, weight=weight)
        self.reference = self.first if len(self.lights(0, index)) == 1 else None

    def lights(self, *shots: int) -> set[tuple[str | None, str | None]]:
        """Return every time of day and weather that the prompts of some shots state."""
        return {(read.time, read.weather) for shot in shots for read in map(read_labels, full_prompts(self.storyboard, shot))}

    def needed(self) -> dict[Digest, FrameSpec]:
        """Return the specs of all frames that are shown, and of those that they are made from."""
        names = {*self.exposures, *self.color_references.values()}
        for laid in self.transitions.values():
            names |= {laid.before, *laid.generated, *laid.frames}
        for name in reversed(self.specs):
            if name in names:
                names.update(dependencies(self.specs[name]))
        return {name: spec for name, spec in self.specs.items() if name in names}

    def add_shot(self, index: int, span: Span) -> None:
        """Lay out one shot, from its transition to its hold."""
        shot = self.storyboard.shots[index]
        entry = self.storyboard.shots[index - 1].transition if self.exposures else Cut()
        before = self.exposures[-1] if self.exposures else None
        closes = self.settings.loop and index == len(self.spans) - 1
        held = 0 if closes else min(round(exact_seconds(shot.hold) * self.settings.rate), len(span) - 1)
        if motion := self.motions[index]:
            frames = lay_out_moving_shot(self, index, span, motion, entry, held)
        else:
            frames = self.still_frames(index, entry, len(span) - held)
            frames += [frames[-1]] * held
            self.track, self.last_warp = Track(((Fraction(span.stop - 1), frames[-1]),)), Warp()
        if before is not None and isinstance(entry, Dissolve):
            frames = self.dissolve(frames, before, entry)
        on = self.on(shot)
        self.exposures += [frames[place - place % on] for place in range(len(frames))]

    def still_frames(self, index: int, entry: Transition, moving: int) -> list[Digest]:
        """Return a shot's frames without a motion adapter, each generated alone or interpolated."""
        follows = entry if self.exposures and isinstance(entry, Morph) else None
        frames = self.morph_into(index, follows, moving) if follows else [self.add(self.keyframe(index))]
        arrival = len(frames) - 1
        within = self.frames_within(index, frames[-1], arrival, moving)
        self.plan_colors(frames[-1], within)
        known = {arrival: frames[-1], **within}
        if self.settings.between_motion:
            return frames[:-1] + generated_in_betweens(self, index, known, self.settings.between_motion)
        return frames[:-1] + self.fill(known, arrival, moving)

    def on(self, shot: Shot) -> int:
        """Frames that each image of a shot stays."""
        return shot.on or self.settings.on

    def keyframe(self, index: int) -> Generated:
        """Return a shot's first frame after a cut.

        Its prompt alone decides it.
        """
        spec = self.generated(index, 0, noise=SeedNoise(seed=self.storyboard.shots[index].seed))
        return replace(spec, reference=self.reference if index else None)

    def morph_into(self, index: int, entry: Morph, moving: int) -> list[Digest]:
        """Morph from the last image to this shot's keyframe, the last of the frames.

        Prompt, noise and styles interpolate, and the denoising strength grows.
        """
        length, before = self.morph_length(index, moving), self.exposures[-1]
        timing = self.timings.get(index)
        if timing is None or len(timing.shown) != length:
            timing = planned_timing(length, self.stride(self.storyboard.shots[index]))
        known = {0.0: before} | {at: self.add(self.morph_frame(index, at, before, length)) for at in timing.generated}
        if (corrected := self.color_corrections.get(before, before)) in self.color_references:
            self.color_fades |= {known[at]: (corrected, round6(1 - at)) for at in timing.generated[:-1]}
        method = entry.method or self.settings.between
        frames = [self.in_between(known, *timing.neighbors(position), position, method) for position in timing.shown]
        self.transitions[index] = LaidTransition(
            timing=timing, before=before, generated=tuple(known[at] for at in timing.generated), frames=tuple(frames)
        )
        return frames

    def morph_length(self, index: int, moving: int) -> int:
        """Return the frames of the morph into a shot, its keyframe counted."""
        return _morph_frames(self.storyboard.shots[index - 1], self.settings.rate, moving)

    def closing_length(self, moving: int) -> int:
        """Return the frames of a loop's morph from the last shot to the first, at most half of the shot."""
        last = self.storyboard.shots[-1]
        source = last if isinstance(last.transition, Morph) else replace(last, transition=Morph())
        return min(_morph_frames(source, self.settings.rate, moving), max(1, moving // 2))

    def morph_frame(self, index: int, position: float, before: Digest, length: int) -> Generated:
        """Return the frame at a position of a morph, 1.0 the shot's keyframe."""
        shots, at, place = self.storyboard.shots, round6(position), max(0.0, round6(position * length - 1))
        shot, source = shots[index], shots[index - 1]
        last = round(exact_seconds(source.seconds) * self.settings.rate)
        noise = SeedNoise(seed=shot.seed)
        init = InitImage(frame=before, strength=self.morph_strength(index, place, at))
        target = self.generated(index, place, noise=noise, init=init)
        if at >= 1:
            return target
        return replace(
            target,
            conditioning=Interpolated(first=self.conditioning(index - 1, last), second=target.conditioning, at=at),
            styles=interpolate_styles(self.styles_at(index - 1, last), target.styles, at),
            noise=SlerpNoise(first=self.noise(source, last), second=noise, at=at),
        )

    def in_between(self, known: Mapping[Any, Digest], left: float, right: float, place: float, method: InBetweenMethod) -> Digest:
        """Return the frame at a place: a known one, or the in-between of its neighbors."""
        if left == right:
            return known[left]
        return self.add(InBetween(first=known[left], second=known[right], at=round6((place - left) / (right - left)), method=method))

    def morph_strength(self, index: int, place: float, at: float) -> float:
        """Return the denoising strength within a morph.

        It grows from `shot_strength` to the `strength` of the shot or else the film; where light or weather changes, half way from there to
        1.0, as at less the sky of the image before often stays.
        """
        shot, strength, least = self.storyboard.shots[index], self.settings.strength, self.settings.shot_strength
        if isinstance(shot.strength, tuple):
            return number_at(shot.strength, place)
        changed = len(self.lights(index - 1, index)) > 1
        most = shot.strength or ((1 + strength) / 2 if changed else strength)
        return round6(least + at * (most - least)) if most > least else most

    def frames_within(self, index: int, key: Digest, arrival: int, moving: int) -> dict[int, Digest]:
        """Return the generated frames after the keyframe."""
        shot, settings = self.storyboard.shots[index], self.settings
        chained = (shot.init_from or settings.init_from) == "previous"
        batch = 1 if chained or self.varies(index) else settings.batch
        length, before, progress_before = moving - arrival, key, 0.0
        within: dict[int, Digest] = {}
        for place in _keyframe_places(length, self.stride(shot))[1:]:
            progress = apply_easing(place / (length - 1), shot.ease)
            strength = number_at(shot.strength, arrival + place) if isinstance(shot.strength, tuple) else settings.shot_strength
            same = before != key and self.look(index, arrival + place) == self.look(index, arrival)
            warp = self.warp(shot, progress_before, progress)
            init = InitImage(frame=before, strength=strength, warp=warp, color_reference=key if same else None)
            spec = self.generated(index, arrival + place, noise=self.noise(shot, place), init=init, batch=batch)
            within[arrival + place] = self.add(spec if chained else replace(spec, reference=None))  # its image has the look
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

    def conditioning(self, index: int, place: float) -> Prompt | Interpolated:
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

    def negative(self, index: int) -> Prompt:
        """Return a shot's negative prompt with the film's."""
        return prompt_of(", ".join(filter(None, (self.settings.negative, self.storyboard.shots[index].negative))))

    def varies(self, index: int) -> bool:
        """Return whether a shot has keyed settings or styles."""
        keyed = any(isinstance(control.weight, tuple) for control in self.controls[index])
        return _varies(self.storyboard.shots[index]) or len(self.styles[index]) > 1 or keyed

    def styles_at(self, index: int, place: float) -> tuple[AppliedStyle, ...]:
        """Return the styles of a frame."""
        before, after, at = interpolation_at(self.styles[index], place)
        return interpolate_styles(before.styles, after.styles, at) if at else before.styles

    def noise(self, shot: Shot, place: int) -> Noise:
        """Return the drifting noise of a frame within a shot."""
        return NoiseWalk(seed=shot.seed, at=round6(place / float(self.settings.rate) * self.settings.noise_drift))

    def fill(self, known: Mapping[int, Digest], start: int, stop: int) -> list[Digest]:
        """Return every frame from `start` to `stop`, with in-betweens."""
        frames = {stop - 1: known[stop - 1]}
        for left, right in pairwise(sorted(known)):
            frames |= {
                place: self.in_between(known, left, right if place > left else left, place, self.settings.between)
                for place in range(left, right)
            }
        return [frames[place] for place in range(start, stop)]

    def dissolve(self, frames: list[Digest], before: Digest, entry: Dissolve) -> list[Digest]:
        """Fade the shot in over the last image."""
        fading = min(round(exact_seconds(entry.seconds) * self.settings.rate), len(frames))
        faded = [
            self.add(InBetween(first=before, second=frames[place], at=round6((place + 1) / (fading + 1)), method="crossfade"))
            for place in range(fading)
        ]
        return faded + frames[fading:]

    def generated(self, index: int, place: float, *, noise: Noise, init: InitImage | None = None, batch: int = 1) -> Generated:
        """Return a frame's spec, with keyed values evaluated."""
        shot, settings = self.storyboard.shots[index], self.settings
        weight = settings.control_weight if shot.control_weight is None else number_at(shot.control_weight, place)
        control = ControlImage(frame=init.frame, depth=settings.depth, weight=weight, warp=init.warp) if init and weight else None
        return settings.spec(
            self.conditioning(index, place),
            negative=self.negative(index),
            noise=noise,
            init=init,
            control=control,
            controls=controls_at(self.controls[index], place, init.frame if init else None, init.warp if init else STILL),
            guidance=None if shot.guidance is None else number_at(shot.guidance, place),
            steps=None if shot.steps is None else round(number_at(shot.steps, place)),
            styles=self.styles_at(index, place),
            reference=self.reference,
            batch=batch,
        )

    def stride(self, shot: Shot) -> int:
        """Return the frames from one generated frame to the next.

        At least `keyframe_rate` are generated per second, on frames that are shown where possible.
        """
        most, on = max(1, int(self.settings.rate / self.settings.keyframe_rate)), self.on(shot)
        return max(most - most % on, on)


def _with_triggers(prompt: str, trigger_words: Sequence[str]) -> Prompt:
    return prompt_of(", ".join([prompt, *(word for word in trigger_words if word not in prompt)]))


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
