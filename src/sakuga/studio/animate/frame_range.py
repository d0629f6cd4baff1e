"""Some frames of a film as numbered images, as render farms ask for them."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Literal

from sakuga import InputError
from sakuga.export import FrameStream
from sakuga.export.sequence import SequenceName
from sakuga.export.sequence_timeline import write_sequence_timeline
from sakuga.export.write import check_frames
from sakuga.finishing.image import Image
from sakuga.story.film import Film
from sakuga.story.options import FIRST_FRAME, WORKERS
from sakuga.studio.animate.animate import FilmRequest, ResolvedFilm, resolve_film
from sakuga.studio.animate.even_transitions import render_evenly
from sakuga.studio.animate.film_rendering import finisher
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.finish import textured
from sakuga.studio.core.output import Output, Seconds, write_clip
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderCount, Rendering, RenderSession, worker_processes
from sakuga.studio.core.work import Work
from sakuga.timeline.exposure import exposures
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.frame_range import parse_frame_range
from sakuga.timeline.spec import Derived, Digest, dependencies
from sakuga.timeline.transition_timing import Timings


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFrames:
    """Numbered images that were written, and what they took."""

    out: Path
    numbers: tuple[int, ...]
    timeline: Path | None
    """The .otio beside a sequence, for editing programs."""
    count: RenderCount
    seconds: Seconds
    notes: tuple[str, ...]


@checked(first_frame=FIRST_FRAME, workers=WORKERS)
def render_frames(
    film: Film,
    out: Path | str,
    *,
    frames: str | None = None,
    first_frame: int = 1,
    store: Path | None = None,
    recipe: bool = True,
    bits: Literal[8, 16] = 8,
    workers: int = 1,
) -> Work[Step, RenderedFrames]:
    """Generate some frames of a film as numbered images, each as in the whole clip.

    `frames` is a range such as 1-100x5, all by default; numbers begin at `first_frame`. `out` is a folder, or a name such as
    shot.%04d.png (sRGB, 8 or 16 `bits` a channel) or shot.%04d.exr (linear light, half floats). Raises InputError.
    """
    path = Path(out)
    if SequenceName.of(path) is None and path.suffix:
        raise InputError(f"{path.name} is one file: write numbered frames to a folder, name.%04d.png or name.%04d.exr")
    request = FilmRequest(film=film, output=Output(path=path, recipe=recipe, bits=bits).check(), store=store, workers=workers)
    resolved = resolve_film(request)
    numbers = _numbers(resolved, frames, first_frame)
    every = range(first_frame, first_frame + len(resolved.sheet.exposures))
    check_frames(path, len(every), resolved.recipe.text() if recipe else "", numbers=numbers if SequenceName.of(path) else every)
    return Work(_render(resolved, numbers, first_frame))


def _numbers(resolved: ResolvedFilm, frames: str | None, first: int) -> tuple[int, ...]:
    """Return the numbers of the frames; raises InputError for frames that the film does not have."""
    every = range(first, first + len(resolved.sheet.exposures))
    if resolved.settings.pixel:
        raise InputError("pixel art has one palette, of all frames of the clip: leave --frames and --first-frame out, or --pixel")
    if frames is None:
        return tuple(every)
    numbers = parse_frame_range(frames)
    if other := next((number for number in numbers if number not in every), None):
        raise InputError(f"the film has frames {every[0]} to {every[-1]}, not {other}: choose from these")
    return numbers


def _render(resolved: ResolvedFilm, numbers: tuple[int, ...], first: int) -> Generator[Step, None, RenderedFrames]:
    started = perf_counter()
    executor, precision = worker_processes(resolved.workers), resolved.settings.precision
    networks = resolved.controlnets.networks
    session = RenderSession(resolved.files, resolved.store, resolved.uses, precision, executor, resolved.motion, networks)
    resolved.controlnets.keep_images(session.store)
    places = [number - first for number in numbers]
    with closing(session):
        notes = [*resolved.notes, *session.storyboard_warnings(resolved.storyboard, resolved.settings.negative)]
        for note in notes:
            yield Step(stage="story", note=note)
        sheet, rendering = yield from _rendered(resolved, session, places)
        generated = perf_counter()
        images = _finished(resolved, sheet, rendering, session, places)
        size, rate = resolved.settings.size, resolved.settings.fps
        stream = FrameStream(images=images, count=len(places), size=size, rate=rate, numbers=numbers)
        written = yield from write_clip(stream, resolved.output, resolved.recipe)
    timeline = write_sequence_timeline(resolved.output.path, resolved.film, list(exposures(resolved.storyboard, sheet, rate)), rate, first)
    return RenderedFrames(
        out=resolved.output.path,
        numbers=numbers,
        timeline=timeline,
        count=rendering.count,
        seconds=Seconds.since(started, generated, generated),
        notes=(*notes, *rendering.count.notes, *written.notes),
    )


def _rendered(
    resolved: ResolvedFilm, session: RenderSession, places: Sequence[int]
) -> Generator[Step, None, tuple[ExposureSheet, Rendering]]:
    """Render the frames at some places with even morphs, and what their colors are matched to."""

    def lay_out(timings: Timings) -> ExposureSheet:
        return part_of(resolved.lay_out(timings), places)

    made = yield from render_evenly(lay_out, session)
    sheet = resolved.lay_out(made.timings)
    wanted = [*made.sheet.exposures, *_color_frames(sheet, made.sheet.exposures)]
    rendering = yield from session.render(sheet.specs, wanted)
    count = replace(made.rendering.count, generated=made.rendering.count.generated + rendering.count.generated)
    return sheet, replace(rendering, count=count)


def part_of(sheet: ExposureSheet, places: Sequence[int]) -> ExposureSheet:
    """Return a sheet with some of its exposures, and the morphs that these belong to."""
    shown = tuple(sheet.exposures[place] for place in places)
    transitions = {shot: laid for shot, laid in sheet.transitions.items() if not set(laid.frames).isdisjoint(shown)}
    return replace(sheet, exposures=shown, transitions=transitions)


def _color_frames(sheet: ExposureSheet, shown: Sequence[Digest]) -> Iterator[Digest]:
    """Yield the frames that colors are measured on and matched to."""
    waiting, seen = list(shown), set[Digest]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        spec = sheet.specs[name]
        if isinstance(spec, Derived):
            waiting += dependencies(spec)
        fade = sheet.color_fades.get(name)
        measured = fade[0] if fade else sheet.color_corrections.get(name, name)
        if key := sheet.color_references.get(measured):
            yield from (measured, key)


def _finished(
    resolved: ResolvedFilm, sheet: ExposureSheet, rendering: Rendering, session: RenderSession, places: Sequence[int]
) -> Iterator[Image]:
    """Yield the finished images, each with the grain of its place in the clip."""
    settings, seed = resolved.settings, resolved.storyboard.shots[0].seed
    names = [sheet.exposures[place] for place in places]
    shown = session.read_frames(rendering, names, finisher(resolved, sheet, rendering, session))
    return (textured(image, place // settings.on, settings, seed) for place, image in zip(places, shown, strict=True))
