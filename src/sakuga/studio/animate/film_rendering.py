"""From a resolved film to its clip: frames, even morphs, colors and in-betweens."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from sakuga.cancellation import raise_if_cancelled
from sakuga.export import FrameStream
from sakuga.finishing.image import Image, unrounded
from sakuga.rendering.store import FrameStore
from sakuga.story.film import Film
from sakuga.studio.animate.even_transitions import MorphTiming, render_evenly
from sakuga.studio.animate.jumps import cuts_of, jump_notes, noting_steps, spread_jumps
from sakuga.studio.animate.storyboard import FilmTarget
from sakuga.studio.core.finish import finish_clip
from sakuga.studio.core.image_spool import ImageSpool
from sakuga.studio.core.output import Seconds, write_clip
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderCount, Rendering, RenderSession, worker_processes
from sakuga.studio.core.styles import StyleFinder
from sakuga.timeline.edits import speed_of
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.retiming import retimed_sheet
from sakuga.timeline.spec import Digest

if TYPE_CHECKING:
    from sakuga.studio.animate.animate import ResolvedFilm

COLOR_MATCH = 0.8
"""How much of a frame's color difference to its shot's keyframe is corrected, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Animation:
    """A clip that was written, its film, and what it took."""

    clip: Path
    film: Film
    film_path: Path | None
    """The film's own file, if one was written; the clip's recipe holds the film too."""
    frames: int
    """Frames of the clip, holds counted."""
    count: RenderCount
    seconds: Seconds
    notes: tuple[str, ...]


def render_film(resolved: "ResolvedFilm", target: FilmTarget | None = None) -> Generator[Step, None, Animation]:
    """Render a film and write its clip; the film's own file goes to `target`."""
    executor, precision = worker_processes(resolved.workers), resolved.settings.precision
    networks = resolved.controlnets.networks
    session = RenderSession(resolved.files, resolved.store, resolved.uses, precision, executor, resolved.motion, networks)
    resolved.controlnets.keep_images(session.store)
    with closing(session):
        return (yield from _render_with(session, resolved, target))


def _render_with(session: RenderSession, resolved: "ResolvedFilm", target: FilmTarget | None) -> Generator[Step, None, Animation]:
    started = perf_counter()
    kept = target.write(resolved.film) if target else ""
    notes = [*resolved.notes, *session.storyboard_warnings(resolved.storyboard, resolved.settings.negative), *([kept] if kept else [])]
    for note in notes:
        yield Step(stage="story", note=note)
    resolved, rendering = yield from _evenly_rendered(resolved, session)
    generated = perf_counter()
    with ImageSpool(session.store.root) as spool:
        steps = list[float]()
        clip = yield from _finish(resolved, rendering, session, spool, steps)
        finished = perf_counter()
        jumps = [] if resolved.recipe.edits else jump_notes(steps, resolved.storyboard, resolved.settings.fps)
        for note in jumps:
            yield Step(stage="finishing", note=note)
        speed = speed_of(resolved.recipe.edits)
        written = yield from write_clip(replace(clip, rate=clip.rate * speed), resolved.output, resolved.recipe)
    return Animation(
        clip=resolved.output.path,
        film=resolved.film,
        film_path=target.path if target else None,
        frames=clip.count,
        count=rendering.count,
        seconds=Seconds.since(started, generated, finished),
        notes=(*notes, *rendering.count.notes, *jumps, *written.notes),
    )


def _evenly_rendered(resolved: "ResolvedFilm", session: RenderSession) -> Generator[Step, None, tuple["ResolvedFilm", Rendering]]:
    """Render a film with even morphs, which its recipe then holds; those of a recipe are followed."""
    if resolved.recipe.timings is not None:
        return (yield from _rendered_with_edits(resolved, session))
    made = yield from render_evenly(resolved.lay_out, session)
    recipe = resolved.recipe.model_copy(update={"timings": tuple(MorphTiming.of(*one) for one in made.timings.items())})
    resolved = replace(resolved, sheet=made.sheet, recipe=recipe)
    resolved, rendering = yield from _without_jumps(resolved, made.rendering, session)
    if recipe.edits:
        return (yield from _rendered_with_edits(resolved, session))
    return resolved, rendering


def _without_jumps(
    resolved: "ResolvedFilm", made: Rendering, session: RenderSession
) -> Generator[Step, None, tuple["ResolvedFilm", Rendering]]:
    """Retime the frames around each jump that nobody asked for; the recipe then holds their moments.

    Jumps are looked for at the final size, as in-betweens of that size stay in the store.
    """
    steps, finish = list[float](), finisher(resolved, resolved.sheet, made, session)
    for _ in noting_steps(session.read_frames(made, resolved.sheet.exposures, finish), steps):
        raise_if_cancelled()
    retimings = spread_jumps(steps, cuts_of(resolved.storyboard, resolved.settings.fps))
    if not retimings:
        return resolved, made
    sheet = retimed_sheet(resolved.sheet, [one.retiming for one in retimings])
    rendering = yield from session.render(sheet.specs, sheet.exposures)
    recipe = resolved.recipe.model_copy(update={"retimings": retimings})
    return replace(resolved, sheet=sheet, recipe=recipe), replace(rendering, count=made.count)


def _rendered_with_edits(resolved: "ResolvedFilm", session: RenderSession) -> Generator[Step, None, tuple["ResolvedFilm", Rendering]]:
    """Render a film whose morphs are timed, with the edits of its recipe."""
    settings = resolved.settings
    sheet = resolved.recipe.edited(resolved.sheet, StyleFinder(resolved.files).uses(settings.style), settings.weighting)
    wanted = (*sheet.exposures, *sheet.color_references.values()) if resolved.recipe.edits else sheet.exposures
    return replace(resolved, sheet=sheet), (yield from session.render(sheet.specs, wanted))


def _finish(
    resolved: "ResolvedFilm", rendering: Rendering, session: RenderSession, spool: ImageSpool, steps: list[float]
) -> Generator[Step, None, FrameStream]:
    """Match each shot's colors to its keyframe, resize, and interpolate in-betweens at the final size.

    Appends how much each frame differs from the one before to `steps`.
    """
    settings, sheet = resolved.settings, resolved.sheet
    shown = session.read_frames(rendering, sheet.exposures, finisher(resolved, sheet, rendering, session))
    return (yield from finish_clip(noting_steps(shown, steps), len(sheet.exposures), settings, resolved.storyboard.shots[0].seed, spool))


def finisher(
    resolved: "ResolvedFilm", sheet: ExposureSheet, rendering: Rendering, session: RenderSession
) -> Callable[[Digest, Image], Image]:
    """Return what matches the colors of a stored frame and resizes it, without rounding where the output has more than 8 bits."""
    settings, matched = resolved.settings, color_matcher(sheet, rendering, session.store)
    resized, is_deep = session.enlarger(*settings.size, settings.upscaler), resolved.output.is_deep and not settings.pixel
    return lambda name, image: resized(matched(name, unrounded(image) if is_deep else image))


def color_matcher(sheet: ExposureSheet, rendering: Rendering, store: FrameStore) -> Callable[[Digest, Image], Image]:
    """Return what matches the colors of a frame, by its name, to the keyframe of its shot."""
    from sakuga.finishing.color_match import match_color

    def match(name: Digest, image: Image) -> Image:
        measured, share = sheet.color_fades.get(name) or (sheet.color_corrections.get(name, name), 1.0)
        if (key := sheet.color_references.get(measured)) is None:
            return image
        reference, same_light = (store.read(rendering.renamed[one]) for one in (key, measured))
        return match_color(image, reference, COLOR_MATCH * share, same_light)

    return match
