"""From an idea or a film to a clip."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from sakuga import InputError
from sakuga.export import check_frames
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.checkpoint_lookup import find_model
from sakuga.models.motion_files import MotionFiles
from sakuga.rendering.store import FrameStore
from sakuga.story.film import BibleTable, Film, FilmFile, FilmTable, ShotTable, to_document
from sakuga.story.keys import map_key
from sakuga.story.options import SECONDS, SEED, SHOTS, WORKERS
from sakuga.story.planner import Planner
from sakuga.story.settings import FilmSettings
from sakuga.story.storyboard import Shot, Storyboard
from sakuga.studio.animate.even_transitions import MorphTiming
from sakuga.studio.animate.film_rendering import Animation, render_film
from sakuga.studio.animate.jumps import FilmRetiming
from sakuga.studio.animate.storyboard import FilmTarget, Idea
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.controlnets import (
    FoundControlNets,
    film_controls,
    find_controlnets,
    planned_controls,
    relocated_controls,
    shared_controls,
)
from sakuga.studio.core.motion import (
    MotionFinder,
    choose_motion,
    film_adapters,
    film_motions,
    in_between_motion,
    recipe_motions,
    refuse_unused_motion,
    shared_name,
)
from sakuga.studio.core.output import Output, check_store
from sakuga.studio.core.progress import Step
from sakuga.studio.core.prompt_style_names import film_with_named_styles
from sakuga.studio.core.recipe import (
    EditedRecipe,
    LaidOut,
    Portable,
    Remade,
    check_amount,
    edits_key,
    portable_controls,
    portable_name,
    portable_style,
    recipe_controlnets,
    recipe_styles,
    shared_file,
)
from sakuga.studio.core.settings import (
    ResolvedSettings,
    check_settings,
    frame_settings,
    preview_settings,
    refuse_missing_networks,
    resolve_settings,
    size_notes,
    style_digests,
    style_weights_by_shot,
    with_style_finishing,
)
from sakuga.studio.core.styles import (
    StyleFinder,
    StyleUse,
    apply_named_styles,
    map_styles,
    relocated,
    storyboard_with_triggers,
    styles_of,
    uses_by_shot,
)
from sakuga.studio.core.work import Work
from sakuga.timeline.edits import AnyEdit, edit_sheet
from sakuga.timeline.film_layout import ExposureSheet, lay_out_film
from sakuga.timeline.retiming import retimed_sheet
from sakuga.timeline.transition_timing import Timings

CLIP = "clip.gif"
"""The file that a clip is written to by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmRequest:
    """A film to render, and where to."""

    film: Film
    output: Output
    store: Path | None = None
    preview: bool = False
    workers: int = 1
    """Processes that render."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedFilm:
    """A film with everything resolved: checkpoint, settings, styles, frames, output and recipe."""

    film: Film
    """The film as its file holds it, every setting filled in."""
    storyboard: Storyboard
    """Its storyboard, with trigger words."""
    settings: ResolvedSettings
    """The settings to generate with: the film's own, or a preview's."""
    files: CheckpointFiles
    uses: tuple[StyleUse, ...]
    motion: tuple[MotionFiles, ...]
    """The motion adapters of its shots."""
    controlnets: FoundControlNets
    lay_out: Callable[[Timings], ExposureSheet]
    """Lays out its frames with the given timings of morphs."""
    sheet: ExposureSheet
    """Its frames, with the timings of its recipe or else none."""
    recipe: "FilmRecipe"
    output: Output
    store: Path | None
    workers: int
    notes: tuple[str, ...]


@checked(shots=SHOTS, seconds=SECONDS, seed=SEED, workers=WORKERS)
def animate(
    idea: str,
    out: Path | str = CLIP,
    *,
    shots: int = 5,
    seconds: float = 6.0,
    seed: int = 0,
    style: str | None = None,
    settings: FilmSettings | None = None,
    planner: Planner | None = None,
    store: Path | None = None,
    recipe: bool = True,
    max_size: int | None = None,
    preview: bool = False,
    film: Path | str | None = None,
    overwrite: bool = False,
    workers: int = 1,
) -> Work[Step, Animation]:
    """Generate a clip from an idea: storyboard, frames, file.

    `film` is a .toml to write the storyboard to; a different film there is not replaced unless `overwrite` is given. A preview takes
    few steps, and its film is that of the final clip. Frames in the store are reused. Raises SakugaError.
    """
    wanted = with_style(settings, style)
    request = Idea.checked(idea, shots, seconds, seed, planner, wanted.negative or "")
    output = Output(path=Path(out), recipe=recipe, max_size=max_size).check()
    target = None if film is None else FilmTarget(path=Path(film), overwrite=overwrite).check()
    finder = StyleFinder(find_model(wanted))
    check_settings(wanted, finder)

    def resolve(board: Storyboard) -> ResolvedFilm:
        board_film = Film(settings=wanted, storyboard=board)
        film_request = FilmRequest(film=board_film, output=output, store=store, preview=preview, workers=workers)
        resolved = resolve_film(film_request, finder)
        if target:
            target.refuse_other(resolved.film)
        return resolved

    if board := request.planned_at_once():
        return Work(_animate(request, resolve(board), target))
    return Work(_plan_and_animate(request, resolve, target))


@checked(workers=WORKERS)
def render(
    film: Film,
    out: Path | str = CLIP,
    *,
    store: Path | None = None,
    recipe: bool = True,
    max_size: int | None = None,
    preview: bool = False,
    edits: Sequence[AnyEdit] = (),
    bits: Literal[8, 16] = 8,
    workers: int = 1,
) -> Work[Step, Animation]:
    """Generate a clip or a preview from a film, with edits of its frames as `edit_clip` makes them.

    A GIF stays under `max_size` bytes; numbered PNG images have 8 or 16 `bits` a channel. Raises SakugaError.
    """
    output = Output(path=Path(out), recipe=recipe, max_size=max_size, bits=bits).check()
    resolved = resolve_film(FilmRequest(film=film, output=output, store=store, preview=preview, workers=workers))
    edit_sheet(resolved.sheet, edits)
    edited = resolved.recipe.model_copy(update=edits_key(tuple(edits)))
    return Work(render_film(replace(resolved, recipe=edited)))


def with_style(settings: FilmSettings | None, style: str | None) -> FilmSettings:
    """Return settings with a style that is given beside them."""
    settings = settings or FilmSettings()
    return settings if style is None else replace(settings, style=style)


def resolve_film(request: FilmRequest, styles: StyleFinder | None = None) -> ResolvedFilm:
    """Resolve a film: checkpoint, styles, settings, frames and recipe.

    Raises InputError for what cannot be rendered.
    """
    request.output.check()
    check_store(request.store)
    styles = styles or StyleFinder(find_model(request.film.settings))
    film, notes = apply_named_styles(film_with_named_styles(request.film, styles), styles)
    film, motion_notes = choose_motion(film, styles.files)
    finished = with_style_finishing(film.settings, styles.uses(film.settings.style))
    return _resolve(replace(film, settings=finished), request, styles, [*notes, *motion_notes])


def _resolve(
    film: Film,
    request: FilmRequest,
    styles: StyleFinder,
    notes: list[str],
    timings: tuple[MorphTiming, ...] | None = None,
    retimings: tuple[FilmRetiming, ...] = (),
) -> ResolvedFilm:
    """Resolve a film whose styles, motion and finishing are chosen, as a recipe's are."""
    files = styles.files
    uses = uses_by_shot(film, styles)
    settings = resolve_settings(film.settings, files, styles, film=True)
    if settings.pixel and request.output.bits != 8:
        raise InputError("pixel art has a palette of 8 bits a channel: leave --bits out, or --pixel")
    final = replace(film, settings=settings.requested())
    settings, preview_notes = preview_settings(settings, styles) if request.preview else (settings, [])
    board = storyboard_with_triggers(film.storyboard, uses)
    refuse_unused_motion(film.settings, (shot.motion_scale for shot in film.storyboard.shots), files)
    finder = MotionFinder(files)
    motions = film_motions(film, settings, finder)
    weights = style_weights_by_shot(film, settings.sampler, styles)
    frames = replace(frame_settings(settings, files, styles), between_motion=in_between_motion(settings, finder))
    controls = film_controls(film)
    controlnets = find_controlnets((one for shot in controls for one in shot), files)
    planned = [planned_controls(shot, files) for shot in controls]
    lay_out = partial(lay_out_film, board, frames, weights, motions, controls=planned)
    recipe = film_recipe(replace(film, settings=settings.requested()), settings, styles, finder).model_copy(
        update={"timings": timings, "retimings": retimings}
    )
    sheet = retimed_sheet(lay_out(recipe.morph_timings()), [one.retiming for one in retimings])
    check_frames(request.output.path, len(sheet.exposures), recipe.text() if request.output.recipe else "")
    refuse_missing_networks(sheet.specs.values(), files)
    return ResolvedFilm(
        film=final,
        storyboard=board,
        settings=settings,
        files=files,
        uses=tuple(use for keys in uses for key in keys for use in key.value),
        motion=film_adapters(film, settings, finder),
        controlnets=controlnets,
        lay_out=lay_out,
        sheet=sheet,
        recipe=recipe,
        output=request.output,
        store=request.store,
        workers=request.workers,
        notes=(*notes, *preview_notes, *controlnets.notes, *size_notes(film.settings.size, files)),
    )


def _plan_and_animate(
    request: Idea, resolve: Callable[[Storyboard], ResolvedFilm], target: FilmTarget | None
) -> Generator[Step, None, Animation]:
    board = yield from request.steps(None)
    return (yield from render_film(resolve(board), target))


def _animate(request: Idea, resolved: ResolvedFilm, target: FilmTarget | None) -> Generator[Step, None, Animation]:
    yield from request.steps(resolved.storyboard)
    return (yield from render_film(resolved, target))


def _portable_shots(shots: list[ShotTable]) -> list[ShotTable]:
    for shot in shots:
        portable_style(shot.style)
        portable_name(shot.motion)
        portable_controls(shot.controlnet)
    return shots


class FilmRecipe(EditedRecipe):
    """The recipe of a film: the tables of its file, with every setting."""

    kind: Literal["film"] = "film"
    film: Annotated[FilmTable, Portable]
    bible: BibleTable = BibleTable()
    shots: Annotated[list[ShotTable], AfterValidator(_portable_shots)]
    timings: tuple[MorphTiming, ...] | None = None
    """The even timings that were found for its morphs, so that they are not searched again."""
    retimings: tuple[FilmRetiming, ...] = ()
    """Frames that were retimed after that, as one jumped."""

    @model_validator(mode="after")
    def _is_a_film(self) -> Self:
        self.read()
        return self

    def read(self) -> Film:
        """Return the film; its model is left open."""
        return FilmFile(film=self.film, bible=self.bible, shots=self.shots).read()

    def with_motion(self, places: Mapping[str, str]) -> Self:
        """Return the recipe with its outside motion adapters at their places here."""
        film = replace(self.film, motion=places.get(self.film.motion or "", self.film.motion))
        shots = [shot.model_copy(update={"motion": places.get(shot.motion or "", shot.motion)}) for shot in self.shots]
        return self.model_copy(update={"film": film, "shots": shots})

    def with_controlnets(self, places: Mapping[str, str]) -> Self:
        """Return the recipe with its ControlNets at their places here."""
        film = replace(self.film, controlnet=relocated_controls(self.film.controlnet or (), places) or None)
        own = [None if shot.controlnet is None else relocated_controls(shot.controlnet, places) for shot in self.shots]
        shots = [shot.model_copy(update={"controlnet": one}) for shot, one in zip(self.shots, own, strict=True)]
        return self.model_copy(update={"film": film, "shots": shots})

    @property
    def named_upscaler(self) -> str | None:
        """Return the name of its upscaler from outside."""
        return self.film.upscaler

    def with_upscaler(self, place: str) -> Self:
        """Return the recipe with its upscaler at its place here."""
        return self.model_copy(update={"film": replace(self.film, upscaler=place)})

    def morph_timings(self) -> Timings:
        """Return the timings that were found."""
        return {one.shot - 1: one.timing for one in self.timings or ()}

    def style_digests(self, styles: StyleFinder) -> tuple[str, ...]:
        """Return the digests of the styles that it would apply here."""
        film = self.read()
        return style_digests(_style_texts(film), film.settings.sampler or "", styles)

    def restyled(self, places: Mapping[str, str]) -> Self:
        """Return the recipe with its outside styles at their places here."""
        film = replace(self.film, style=relocated(self.film.style, places))
        shots = [shot.model_copy(update={"style": map_styles(shot.style, lambda text: relocated(text, places))}) for shot in self.shots]
        return self.model_copy(update={"film": film, "shots": shots})

    def laid_out(self, files: CheckpointFiles, store: FrameStore) -> LaidOut:
        """Return the film's frames without its edits."""
        resolved = self._resolved(Path(CLIP), files, store.root)
        uses = StyleFinder(files).uses(resolved.settings.style)
        return LaidOut(
            sheet=resolved.sheet,
            settings=resolved.settings,
            uses=uses,
            applied=resolved.uses,
            motion=resolved.motion,
            controlnets=resolved.controlnets,
        )

    def remake(self, out: Path, files: CheckpointFiles, store: Path | None) -> Generator[Step, None, Remade]:
        """Render the film."""
        made = yield from render_film(self._resolved(out, files, store))
        return Remade(path=made.clip, frames=made.frames, generated=made.count.generated, reused=made.count.reused, notes=made.notes)

    def _resolved(self, out: Path, files: CheckpointFiles, store: Path | None) -> ResolvedFilm:
        film, styles = self.read(), StyleFinder(files)
        film = replace(film, settings=replace(film.settings, model=files.name))
        size = resolve_settings(film.settings, files, styles).size
        check_amount(sum(shot.seconds for shot in self.shots) * float(film.settings.fps or 12), size)
        request = FilmRequest(film=film, output=Output(path=out, max_size=self.budget(out)).check(), store=store)
        resolved = _resolve(film, request, styles, [], self.timings, self.retimings)
        return replace(resolved, recipe=resolved.recipe.model_copy(update=edits_key(self.edits)))


def _style_texts(film: Film) -> tuple[str, ...]:
    """Return the styles of a film and of its shots."""
    return (film.settings.style or "", *(key.value for keys in styles_of(film) for key in keys))


def _shared(shot: Shot, styles: StyleFinder, finder: MotionFinder) -> Shot:
    controls = None if shot.controlnet is None else shared_controls(shot.controlnet, styles.files)
    shot = replace(shot, motion=shot.motion and shared_name(shot.motion, finder), controlnet=controls)
    if isinstance(shot.style, tuple):
        return replace(shot, style=tuple(map_key(key, styles.shared_names) for key in shot.style))
    return replace(shot, style=shot.style and (styles.shared_names(shot.style) or None))


def film_recipe(film: Film, settings: ResolvedSettings, styles: StyleFinder, finder: MotionFinder) -> FilmRecipe:
    """Return the recipe of a film with resolved settings."""
    motion = shared_name(settings.motion, finder)
    controls = shared_controls(film.settings.controlnet or (), styles.files) or None
    style = styles.shared_names(film.settings.style) or None
    shared = replace(film.settings, model=None, style=style, motion=motion, controlnet=controls, prediction=None, vae=None)
    shared = replace(shared, upscaler=settings.upscaler and shared_file(settings.upscaler))
    shots = tuple(_shared(shot, styles, finder) for shot in film.storyboard.shots)
    tables = FilmFile.model_validate(to_document(Film(settings=shared, storyboard=replace(film.storyboard, shots=shots))))
    known = recipe_styles(_style_texts(film), settings.sampler, styles)
    if motions := recipe_motions(film, settings, finder):
        known["motion"] = motions
    applied = [one for shot in film_controls(film) for one in shot]
    known |= recipe_controlnets(applied, styles.files)
    given = find_controlnets(applied, styles.files).given
    return FilmRecipe.of(styles.files, given=given, **known, film=tables.film, bible=tables.bible, shots=tables.shots)
