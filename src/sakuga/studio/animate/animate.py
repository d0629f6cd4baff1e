"""From an idea to a clip."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from sakuga.export import check_folder, check_frames, check_target
from sakuga.finishing.color_match import match
from sakuga.finishing.image import Picture
from sakuga.models.checkpoint_files import Source
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.story.film import BibleTable, Film, FilmFile, FilmSettings, FilmTable, ShotTable, to_document, write_film
from sakuga.story.keys import mapped
from sakuga.story.planner import Planner
from sakuga.story.storyboard import Shot
from sakuga.studio.animate.storyboards import plan
from sakuga.studio.core.finish import finished, in_cells, on_paper
from sakuga.studio.core.output import deliver
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Portable, Recipe, Remade, check_amount, named, portable_style
from sakuga.studio.core.render_session import Bench, Count, Drawing
from sakuga.studio.core.settings import direction, previewed, refuse_missing, settled, wardrobe, worn_digests
from sakuga.studio.core.styles import by_key, found_at, found_by_shot, shared_names, styled_as_named, styles_of, worded_film
from sakuga.studio.core.work import Work
from sakuga.timeline.chain import Sheet, chain
from sakuga.timeline.clip import Clip
from sakuga.timeline.spec import Digest

COLOUR_MATCH = 0.8
"""How firmly a frame keeps the colours of its shot's keyframe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """Wall-clock time by stage."""

    drawing: float
    finishing: float
    export: float
    total: float

    @classmethod
    def since(cls, begun: float, drawn: float, finished: float) -> Self:
        """Read the clock for a file that has just been written; the others are what it said where each stage began or ended."""
        done = perf_counter()
        return cls(drawing=drawn - begun, finishing=finished - drawn, export=done - finished, total=done - begun)


@dataclass(frozen=True, slots=True, kw_only=True)
class Animation:
    """A clip that was written, the film it shows, and what it took."""

    clip: Path
    film: Film
    frames: int
    """Frames of the clip, holds counted."""
    count: Count
    seconds: Seconds
    notes: tuple[str, ...]


def animate(
    idea: str,
    out: Path | str = "clip.gif",
    *,
    shots: int = 5,
    seconds: float = 6.0,
    seed: int = 0,
    settings: FilmSettings | None = None,
    planner: Planner | None = None,
    store: Path | None = None,
    recipe: bool = True,
    max_size: int | None = None,
    preview: bool = False,
    film: Path | None = None,
) -> Work[Step, Animation]:
    """Make a clip from an idea: storyboard, frames, file; a preview is drawn in few steps, and its film is that of the final clip.

    The film is written to `film`, too. Frames already in the store are not drawn again. Raises SakugaError with one sentence where
    something is wrong.
    """
    how = settings or FilmSettings()
    return Work(_animate(idea, Path(out), shots, seconds, seed, how, planner, store, recipe, max_size, preview, film))


def render(
    film: Film,
    out: Path | str,
    *,
    store: Path | None = None,
    recipe: bool = True,
    max_size: int | None = None,
    preview: bool = False,
) -> Work[Step, Animation]:
    """Make a clip or a preview from a film; what it leaves open is filled in for its model. A GIF stays under `max_size` bytes."""
    return Work(_finished(film, Path(out), store, recipe, max_size, preview))


def _animate(
    idea: str,
    out: Path,
    shots: int,
    seconds: float,
    seed: int,
    settings: FilmSettings,
    planner: Planner | None,
    store: Path | None,
    recipe: bool,
    max_size: int | None,
    preview: bool,
    written: Path | None,
) -> Generator[Step, None, Animation]:
    check_target(out, max_size)
    if written:
        check_folder(written.parent)
    settled(settings, find_checkpoint(settings.model or "sketchbook"))
    board = yield from plan(idea, shots, seconds, seed, planner)
    made = yield from _finished(Film(settings=settings, storyboard=board), out, store, recipe, max_size, preview)
    if written:
        write_film(made.film, written)
    return made


def _finished(
    film: Film, out: Path, store: Path | None, recipe: bool, max_size: int | None, preview: bool
) -> Generator[Step, None, Animation]:
    """Render a film in the styles that it asks for or names, finished as they want it; a recipe says all that by itself."""
    source = find_checkpoint(film.settings.model or "sketchbook")
    film, notes = styled_as_named(film, source)
    for note in notes:
        yield Step(stage="story", note=note)
    made = yield from _render(replace(film, settings=finished(film.settings, source)), out, store, recipe, max_size, preview)
    return replace(made, notes=(*notes, *made.notes))


def _render(
    film: Film, out: Path, store: Path | None, recipe: bool, max_size: int | None, preview: bool = False
) -> Generator[Step, None, Animation]:
    begun = perf_counter()
    check_target(out, max_size)
    source = find_checkpoint(film.settings.model or "sketchbook")
    final = replace(film, settings=settled(film.settings, source))
    settings, told = previewed(final.settings, source) if preview else (final.settings, [])
    film = replace(final, settings=settings)
    board = worded_film(film, source)
    sheet = chain(board, direction(settings, source), wardrobe(film, source))
    said = film_recipe(film, source) if recipe else None
    check_frames(out, len(sheet.exposures), said.text() if said else "")
    refuse_missing(sheet.specs.values(), source)
    bench = Bench(
        source, store, [style for keys in found_by_shot(film, source) for key in keys for style in key.value], film.settings.precision
    )
    notes: list[str] = []
    for note in (*told, *bench.doubts(board)):
        notes.append(note)
        yield Step(stage="story", note=note)
    drawing = yield from bench.draw(sheet.specs, sheet.exposures)
    drawn = perf_counter()
    clip = yield from _finish(film, source, sheet, drawing, bench)
    finished = perf_counter()
    written = yield from deliver(clip, out, said, max_size)
    seconds = Seconds.since(begun, drawn, finished)
    return Animation(
        clip=out,
        film=final,
        frames=len(clip.frames),
        count=drawing.count,
        seconds=seconds,
        notes=(*notes, *drawing.count.notes, *written.notes),
    )


def _finish(film: Film, source: Source, sheet: Sheet, drawing: Drawing, bench: Bench) -> Generator[Step, None, Clip]:
    """Keep each shot's colours, bring every picture to the size that was asked for, and make the in-betweens at that size."""
    assert film.settings.size
    enlarged = bench.enlarger(*film.settings.size)

    def finish(name: Digest, picture: Picture) -> Picture:
        measured = sheet.lights.get(name, name)
        if key := sheet.keys.get(measured):
            kept, seen = (bench.store.read(drawing.renamed[one]) for one in (key, measured))
            picture = match(picture, kept, COLOUR_MATCH, seen)
        return enlarged(picture)

    shown = bench.exposed(drawing, sheet.exposures, finish)
    frames = yield from on_paper(shown, len(sheet.exposures), film.settings, film.storyboard.shots[0].seed)
    return (yield from in_cells(Clip(frames=frames, rate=direction(film.settings, source).rate), film.settings))


def _portable_shots(shots: list[ShotTable]) -> list[ShotTable]:
    for shot in shots:
        portable_style(shot.style)
    return shots


class FilmRecipe(Recipe):
    """A film as a recipe: the tables of its file, with every setting said."""

    kind: Literal["film"] = "film"
    film: Annotated[FilmTable, Portable]
    bible: BibleTable = BibleTable()
    shots: Annotated[list[ShotTable], AfterValidator(_portable_shots)]

    @model_validator(mode="after")
    def _can_be_filmed(self) -> Self:
        self.said()
        return self

    def said(self) -> Film:
        """Return the film; its model is left open."""
        return FilmFile(film=self.film, bible=self.bible, shots=self.shots).read()

    def worn(self, source: Source) -> tuple[str, ...]:
        film = self.said()
        return worn_digests(_asked(film), film.settings, source)

    def restyled(self, places: Mapping[str, str]) -> Self:
        film = self.film.model_copy(update={"style": found_at(self.film.style, places)})
        shots = [shot.model_copy(update={"style": by_key(shot.style, lambda text: found_at(text, places))}) for shot in self.shots]
        return self.model_copy(update={"film": film, "shots": shots})

    def remake(self, out: Path, source: Source, store: Path | None) -> Generator[Step, None, Remade]:
        """Render the film."""
        film = self.said()
        check_amount(sum(shot.seconds for shot in self.shots) * float(film.settings.fps or 12), film.settings.size)
        made = yield from _render(
            replace(film, settings=replace(film.settings, model=source.name)), out, store, recipe=True, max_size=self.budget(out)
        )
        return Remade(path=made.clip, frames=made.frames, drawn=made.count.drawn, reused=made.count.reused, notes=made.notes)


def _asked(film: Film) -> tuple[str | None, ...]:
    """List the styles of a film and of its shots."""
    return (film.settings.style, *(key.value for keys in styles_of(film) for key in keys))


def _shared(shot: Shot, source: Source) -> Shot:
    if isinstance(shot.style, tuple):
        return replace(shot, style=tuple(mapped(key, lambda text: shared_names(text, source) or "") for key in shot.style))
    return replace(shot, style=shot.style and shared_names(shot.style, source))


def film_recipe(film: Film, source: Source) -> FilmRecipe:
    """Write down all that decides a film's clip."""
    settings = replace(film.settings, model=None, style=shared_names(film.settings.style, source))
    shots = tuple(_shared(shot, source) for shot in film.storyboard.shots)
    shared = Film(settings=settings, storyboard=replace(film.storyboard, shots=shots))
    tables = FilmFile.model_validate(to_document(shared))
    known = named(_asked(film), film.settings, source)
    return FilmRecipe.of(source, **known, film=tables.film, bible=tables.bible, shots=tables.shots)
