"""Layout of a shot whose frames a motion adapter denoises together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from sakuga.story.storyboard import Morph, Transition
from sakuga.timeline.camera import round6
from sakuga.timeline.controls import controls_at
from sakuga.timeline.keyed_values import number_at
from sakuga.timeline.motion import CARRIED, MotionSettings, Track, bridge, closed_window, windows_over
from sakuga.timeline.moving_camera import filmed, returning_warps, shot_warps, swinging_warps
from sakuga.timeline.prompts import weighted
from sakuga.timeline.spec import Conditioning, ControlImage, Digest, Generated, MotionKey, MotionWindow
from sakuga.timeline.style_weights import interpolate_styles
from sakuga.timeline.timing import Span
from sakuga.timeline.transition_timing import LaidTransition, TransitionTiming, planned_timing

if TYPE_CHECKING:
    from sakuga.timeline.film_layout import FilmLayout

FINEST = 1000
"""Parts of a frame's time that a morph's timing tells apart."""


def lay_out_moving_shot(film: "FilmLayout", index: int, span: Span, motion: MotionSettings, entry: Transition, held: int) -> list[Digest]:
    """Return the frames of a shot; the camera rests for the last `held`, and what moves goes on.

    After a morph the shot's own windows begin where it arrives; until there a window goes from the last frame of the shot before to the
    first of this one. In a loop the last shot ends with such a window to the first, and a single shot is a window that wraps around.
    Camera moves are applied to the finished frames, at the film's own rate.
    """
    step = film.settings.rate / motion.fps
    if film.settings.loop and len(film.spans) == 1:
        return _closed_shot(film, span, step, motion)
    moving = len(span) - held
    arrival = film.morph_length(index, moving) - 1 if isinstance(entry, Morph) and film.track else 0
    first, last = Fraction(span.start + arrival), Fraction(span.stop - 1)
    longest = CARRIED + int(motion.fps) if film.varies(index) else motion.longest
    opening = _opening(film, index, arrival, motion)
    keyframe = motion.keyframe(film.add(opening)) if motion.from_keyframe else None

    def window_at(moment: Fraction) -> MotionWindow:
        return _controlled_window(film, index, moment - span.start, motion, opening)

    known = windows_over(first, last, step, window_at, longest, film.add, keyframe)
    track, arriving = Track(tuple(known), film.settings.between), list[Digest]()
    film.first_track = film.first_track or track
    if arrival and film.track:
        method = (entry.method if isinstance(entry, Morph) else None) or film.settings.between
        way = _Crossing(index - 1, index, arrival, span.start - 1, span.start + arrival)
        crossing = bridge(film.track, track, step, _crossing_window(film, way, motion), film.add)
        before, track = film.track.known[-1], Track((film.track.known[-1], *crossing, *known), method)
        arriving = _retimed(film, index, track, [before, *crossing, known[0]])
    film.track = track.until(last, film.add)
    warps = shot_warps(film, index, moving, arrival)
    warps += [warps[-1]] * held
    if film.settings.loop and index == len(film.spans) - 1:
        closing = film.closing_length(moving)
        way = _Crossing(index, 0, 0, span.stop - 1 - closing, span.stop)
        track = track.until(Fraction(way.start), film.add)
        onward = film.first_track.moved(span.stop)
        crossing = bridge(track, onward, step, _crossing_window(film, way, motion), film.add)
        track = Track((*track.known, *crossing, onward.known[0]), track.method)
        warps = returning_warps(film, warps, closing)
    rest = range(span.start + len(arriving), span.stop)
    return filmed(film, [*arriving, *(track.at(Fraction(place), film.add) for place in rest)], warps)


def _retimed(film: "FilmLayout", index: int, track: Track, generated: Sequence[tuple[Fraction, Digest]]) -> list[Digest]:
    """Return the frames of the morph into a shot, as far as its first own frame, by their timing.

    `generated` are the frames that the model generates, from the last of the shot before to the first of this one. A timing moves what is
    shown between them: the model's answer to a prompt that travels can come all at once.
    """
    (start, before), (stop, _) = generated[0], generated[-1]
    length = int(stop - start)
    positions = tuple(round6(float((moment - start) / length)) for moment, _ in generated[1:])
    timing = film.timings.get(index)
    shown = timing.shown if timing and len(timing.shown) == length else planned_timing(length, 1).shown
    moments = (start + Fraction(position * length).limit_denominator(FINEST) for position in shown)
    frames = [track.at(moment, film.add) for moment in moments]
    film.transitions[index] = LaidTransition(
        timing=TransitionTiming(generated=positions, shown=shown),
        before=before,
        generated=tuple(name for _, name in generated[1:]),
        frames=tuple(frames),
    )
    return frames


def generated_in_betweens(film: "FilmLayout", index: int, known: Mapping[int, Digest], motion: MotionSettings) -> list[Digest]:
    """Return the frames from the first of a shot's keyframes to the last; each two are both ends of a window."""
    step, start, places = film.settings.rate / motion.fps, film.spans[index].start, sorted(known)
    keyframes = [Track(((Fraction(start + place), known[place]),), film.settings.between) for place in places]
    track = list(keyframes[0].known)
    for place, before, after in zip(places, keyframes, keyframes[1:], strict=False):
        between = bridge(before, after, step, _between_window(film, index, Fraction(place), motion), film.add)
        track += [*between, *after.known]
    return [Track(tuple(track), film.settings.between).at(Fraction(start + place), film.add) for place in range(places[0], places[-1] + 1)]


def _closed_shot(film: "FilmLayout", span: Span, step: Fraction, motion: MotionSettings) -> list[Digest]:
    """Return the frames of a film of one shot that closes; its camera goes there and back."""
    opening = film.keyframe(0)
    like = _controlled_window(film, 0, Fraction(0), motion, opening)
    if motion.from_keyframe:
        like = replace(like, given=(motion.keyframe(film.add(opening)),))
    track = Track(tuple(closed_window(Fraction(span.start), Fraction(span.stop), step, like, film.add)), film.settings.between)
    return filmed(film, [track.at(Fraction(place), film.add) for place in range(span.start, span.stop)], swinging_warps(film, len(span)))


def _opening(film: "FilmLayout", index: int, arrival: int, motion: MotionSettings) -> Generated:
    """Return the image that a shot begins with where its morph arrives.

    After a morph it starts from the last image before it, so that what is shown stays the same; otherwise its prompt alone decides it.
    """
    if arrival and film.track and motion.from_keyframe:
        return film.morph_frame(index, 1.0, film.track.known[-1][1], arrival)
    return film.keyframe(index)


def _controlled_window(film: "FilmLayout", index: int, place: Fraction, motion: MotionSettings, opening: Generated) -> MotionWindow:
    """Return the settings of a window of a shot; its ControlNets follow the shot's first image."""
    shot, at = film.storyboard.shots[index], float(place)
    weight = film.settings.control_weight if shot.control_weight is None else number_at(shot.control_weight, at)
    follows = any(control.image is None for control in film.controls[index])
    return replace(
        _window(film, index, place, motion),
        control=ControlImage(frame=film.add(opening), depth=film.settings.depth, weight=weight) if weight else None,
        controls=controls_at(film.controls[index], at, film.add(opening) if follows else None),
    )


def _window(film: "FilmLayout", index: int, place: Fraction, motion: MotionSettings) -> MotionWindow:
    """Return the settings of a window that begins at a place of a shot, without ControlNets."""
    shot, settings = film.storyboard.shots[index], film.settings
    at = float(place)
    return MotionWindow(
        checkpoint=settings.checkpoint,
        motion=motion.motion if shot.motion_scale is None else replace(motion.motion, scale=number_at(shot.motion_scale, at)),
        frames=2,
        keys=_keys(film, index),
        seed=shot.seed,
        width=settings.width,
        height=settings.height,
        negative=weighted(film.negative(index), settings.weighting),
        sampler=settings.sampler,
        steps=settings.steps if shot.steps is None else round(number_at(shot.steps, at)),
        guidance=settings.guidance if shot.guidance is None else number_at(shot.guidance, at),
        reference=None if motion.from_keyframe else film.reference,  # the keyframe has the look
        styles=film.styles_at(index, at),
        precision=settings.precision,
        options=settings.options,
        approximations=settings.approximations,
    )


def _between_window(film: "FilmLayout", index: int, place: Fraction, motion: MotionSettings) -> MotionWindow:
    """Return the settings of a window between two keyframes, which place things themselves.

    The adapter denoises it to the end: frames that the image model ended would stand out from keyframes that are shown as they are.
    """
    window = _window(film, index, place, motion)
    alone = replace(window.motion, denoising_end=1.0)
    return replace(window, motion=alone, controls=controls_at(film.controls[index], float(place)))


def _keys(film: "FilmLayout", index: int) -> tuple[MotionKey, ...]:
    """Return a shot's prompts, with the trigger words of its styles, by frames of the film."""
    shot, start = film.storyboard.shots[index], film.spans[index].start
    eases = {key.frame: key.ease for keys in (film.styles[index], shot.turns) for key in keys}
    return tuple(
        MotionKey(frame=float(start + place), conditioning=_weighted(film, index, place), ease=eases.get(place, "linear"))
        for place in sorted({0, *eases})
    )


def _weighted(film: "FilmLayout", index: int, place: float) -> Conditioning:
    """Return the conditioning of a frame, its emphasis weighted as the film says."""
    return weighted(film.conditioning(index, place), film.settings.weighting)


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A morph from one shot to another."""

    leaving: int
    arriving: int
    place: int
    """The place of the shot at which it arrives."""
    start: int
    """The last frame of the film before it."""
    stop: int
    """The first frame of the film after it."""


def _crossing_window(film: "FilmLayout", way: _Crossing, motion: MotionSettings) -> MotionWindow:
    """Return the settings of the window of a morph: prompts travel, and frames start from a blend of both ends."""
    shot = film.storyboard.shots[way.arriving]
    target = _window(film, way.arriving, Fraction(way.place), motion)
    length = len(film.spans[way.leaving])
    leaving = MotionKey(frame=float(way.start), conditioning=_weighted(film, way.leaving, length))
    arriving = MotionKey(frame=float(way.stop), conditioning=_weighted(film, way.arriving, way.place))
    strength = film.settings.strength if shot.strength is None else number_at(shot.strength, way.place)
    styles = interpolate_styles(film.styles_at(way.leaving, length), target.styles, 0.5)
    return replace(target, keys=(leaving, arriving), strength=strength, styles=styles)
