"""Layout of a clip in which a given image comes alive."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from sakuga import InputError
from sakuga.timeline.camera import round6
from sakuga.timeline.controls import controls_at
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.frame_settings import FrameSettings
from sakuga.timeline.motion import LONGEST, Add, MotionSettings, Track, bridge, windows_over
from sakuga.timeline.prompts import prompt_of, weighted
from sakuga.timeline.spec import (
    ControlImage,
    Digest,
    FrameSpec,
    Generated,
    Given,
    GivenFrame,
    InBetween,
    InitImage,
    MotionFrame,
    MotionKey,
    MotionWindow,
    SeedNoise,
    digest,
)

Known = list[tuple[Fraction, Digest]]
"""Frames by their moments, counted in frames of the clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMove:
    """How an image moves."""

    prompt: str
    frames: int
    """Frames of the clip, two or more."""
    seed: int = 0
    loop: bool = False
    """Whether the last frame is followed by the first."""
    strength: float = 0.0
    """Denoising strength with which the image is generated again first, to show what the prompt adds; at 0.0 it is not."""


def lay_out_move(first: Given, last: Given | None, move: ImageMove, settings: FrameSettings, motion: MotionSettings) -> ExposureSheet:
    """Lay out every frame of a moved image.

    The first frame is the image itself, and `last` the last one; in a loop it comes halfway. Both have the size of the frames. An image
    that is generated again cross-fades to what moves within a second; a loop shows what moves alone. Raises InputError where a clip with
    an end, or a loop, has more frames than a window holds, and where an image that is generated again has an end.
    """
    if last and move.strength:
        raise InputError("strength generates the image again, and a last image is shown as it is: leave one of them out")
    specs: dict[Digest, FrameSpec] = {}

    def add(spec: FrameSpec) -> Digest:
        name = digest(spec)
        specs.setdefault(name, spec)
        return name

    for control in settings.controls:
        if control.image:
            add(control.image)
    still, end = add(first), add(last) if last else None
    window = _window(move, settings, motion, still)
    if move.strength:
        opening = add(_opening(move, settings, still))
        window = replace(window, given=(motion.keyframe(opening) if motion.from_keyframe else GivenFrame(index=0, frame=opening),))

    def at(moment: Fraction) -> MotionWindow:
        return replace(window, controls=controls_at(settings.controls, float(moment), still))

    known = _known(at, end, move, settings.rate / motion.fps, motion.longest, add)
    if move.strength and not move.loop:
        known = _faded_in(known, still, settings.rate, add)
    track = Track(tuple(known), settings.between)
    exposures = [track.at(Fraction(place - place % settings.on), add) for place in range(move.frames)]
    return ExposureSheet(exposures=tuple(exposures), specs=specs, color_references={}, color_corrections={})


def _opening(move: ImageMove, settings: FrameSettings, still: Digest) -> Generated:
    """Return the image as it is generated again by the prompt (img2img)."""
    return settings.spec(
        prompt_of(move.prompt),
        negative=prompt_of(settings.negative),
        noise=SeedNoise(seed=move.seed),
        init=InitImage(frame=still, strength=move.strength),
    )


def _faded_in(known: Known, still: Digest, second: Fraction, add: Add) -> Known:
    """Return frames that cross-fade from a still image within a second, or the whole clip where it is shorter."""
    start, stop = known[0][0], min(second, known[-1][0])

    def frame(moment: Fraction, name: Digest) -> Digest:
        at = round6(float((moment - start) / (stop - start)))
        return name if at >= 1 else add(InBetween(first=still, second=name, at=at, method="crossfade"))

    return [(start, still), *((moment, frame(moment, name)) for moment, name in known[1:])]


def _window(move: ImageMove, settings: FrameSettings, motion: MotionSettings, first: Digest) -> MotionWindow:
    """Return the settings of its windows, given the first frame."""
    weight = settings.control_weight
    return MotionWindow(
        checkpoint=settings.checkpoint,
        motion=motion.motion,
        frames=2,
        keys=(MotionKey(frame=0.0, conditioning=weighted(prompt_of(move.prompt), settings.weighting)),),
        seed=move.seed,
        width=settings.width,
        height=settings.height,
        given=(GivenFrame(index=0, frame=first),),
        negative=weighted(prompt_of(settings.negative), settings.weighting),
        sampler=settings.sampler,
        steps=settings.steps,
        guidance=settings.guidance,
        control=ControlImage(frame=first, depth=settings.depth, weight=weight) if weight else None,
        styles=settings.styles,
        precision=settings.precision,
        options=settings.options,
        approximations=settings.approximations,
    )


def _known(at: Callable[[Fraction], MotionWindow], last: Digest | None, move: ImageMove, step: Fraction, longest: int, add: Add) -> Known:
    """Return the frames at the adapter's own rate.

    `at` gives the settings of the window that begins at a moment, and `step` is the time between frames. Without an end, windows have
    `longest` frames at most.
    """
    window = at(Fraction(0))
    first, stop = window.given[0].frame, Fraction(move.frames - 1)
    if move.loop:
        return _closed(window, last, Fraction(move.frames), step, add)
    if last is None:
        return windows_over(Fraction(0), stop, step, at, longest, add, window.given[0])
    _refuse_longer(round(stop / step) + 1, step)
    ends = (Fraction(0), first), (stop, last)
    return [ends[0], *bridge(Track(ends[:1]), Track(ends[1:]), step, window, add), ends[1]]


def _closed(window: MotionWindow, last: Digest | None, period: Fraction, step: Fraction, add: Add) -> Known:
    """Return the frames of a closed window, the first one again at the end."""
    count = max(2, round(period / step))
    _refuse_longer(count, step)
    halfway = (GivenFrame(index=count // 2, frame=last),) if last else ()
    closed = replace(window, frames=count, given=(*window.given, *halfway), motion=replace(window.motion, closed=True))
    names = {one.index: one.frame for one in closed.given if not one.strength}
    frames = [names.get(index) or add(MotionFrame(window=closed, index=index)) for index in range(count)]
    return [(index * period / count, name) for index, name in enumerate([*frames, frames[0]])]


def _refuse_longer(frames: int, step: Fraction) -> None:
    """Refuse more frames than a window holds; raises InputError."""
    if frames > LONGEST:
        most = int(LONGEST * step)
        raise InputError(
            f"a loop, or a clip with a last image, has {most} frames at most, as one window of {LONGEST} makes it: choose less"
        )
