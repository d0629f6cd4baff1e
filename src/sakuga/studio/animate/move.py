"""From a still image to a clip in which it moves."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sakuga import InputError
from sakuga.datasets.image_reading import read_image
from sakuga.export import FrameStream, check_frames
from sakuga.finishing.image import Image
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.checkpoint_lookup import find_model
from sakuga.models.motion_files import MotionFiles
from sakuga.rendering.store import given_spec, open_store
from sakuga.rendering.warp import fit_image
from sakuga.story.controls import MAX_CONTROLS
from sakuga.story.limits import MAX_FRAMES, MAX_SECONDS, MAX_SEED
from sakuga.story.options import SEED, Number
from sakuga.story.settings import AUTO, FilmSettings
from sakuga.studio.animate.animate import CLIP, with_style
from sakuga.studio.animate.vary import image_size
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.controlnets import FoundControlNets, find_controlnets, given_specs
from sakuga.studio.core.finish import finish_clip
from sakuga.studio.core.image_spool import ImageSpool
from sakuga.studio.core.motion import MotionFinder, motion_settings, shared_name
from sakuga.studio.core.output import Output, Seconds, check_store, write_clip
from sakuga.studio.core.progress import Step
from sakuga.studio.core.prompt_style_names import named_styles, with_named_styles
from sakuga.studio.core.recipe import DigestText, RecipeMotion, Remade, SettingsRecipe, check_amount, recipe_settings
from sakuga.studio.core.render_session import RenderCount, Rendering, RenderSession
from sakuga.studio.core.settings import (
    ResolvedSettings,
    frame_settings,
    refuse_missing_networks,
    resolve_settings,
    size_notes,
    with_style_finishing,
)
from sakuga.studio.core.styles import StyleFinder, StyleUse, with_triggers
from sakuga.studio.core.work import Work
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.moved_image import ImageMove, lay_out_move
from sakuga.timeline.spec import digest
from sakuga.timeline.timing import exact_seconds

MOVE_SECONDS = Number(help="Length of the clip in seconds", default=2.0, least=0, most=MAX_SECONDS, above=True)
UNUSED = ("init_from", "shot_strength", "noise_drift", "keyframe_rate")
"""Film settings that a moved image has no use for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedImage:
    """A written clip of an image that moves."""

    clip: Path
    frames: int
    count: RenderCount
    seconds: Seconds
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRequest:
    """An image to move, and how."""

    image: Path
    prompt: str
    last: Path | None
    seconds: float
    seed: int
    loop: bool
    output: Output
    settings: FilmSettings
    store: Path | None

    def __post_init__(self) -> None:
        """Check what needs no checkpoint; raises InputError."""
        if not self.prompt.strip():
            raise InputError("the prompt is empty: describe what the image shows, and what moves")
        if unused := [name for name in UNUSED if getattr(self.settings, name) is not None]:
            raise InputError(f"a moved image has no use for {unused[0]}: leave it out")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedMove:
    """A moved image with everything resolved."""

    files: CheckpointFiles
    uses: tuple[StyleUse, ...]
    settings: ResolvedSettings
    adapter: MotionFiles
    controlnets: FoundControlNets
    fitted: tuple[Image, ...]
    """The images in the size of the frames."""
    sheet: ExposureSheet
    recipe: "MoveRecipe"
    output: Output
    store: Path | None
    notes: tuple[str, ...]


class MoveRecipe(SettingsRecipe):
    """The recipe of a moved image, the first of `given`; then come the last one, if there is one, and those of ControlNets."""

    kind: Literal["move"] = "move"
    given: tuple[DigestText, ...] = Field(min_length=1, max_length=2 + MAX_CONTROLS)
    prompt: str
    seconds: float = Field(gt=0, le=MAX_SECONDS)
    seed: int = Field(ge=0, le=MAX_SEED)
    loop: bool = False
    strength: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _has_its_images(self) -> Self:
        if not 1 <= len(self.own_images) <= 2:
            raise ValueError(f"{len(self.given)} images are given: the first one, maybe the last one, those of ControlNets, and no other")
        return self

    @property
    def own_images(self) -> tuple[str, ...]:
        """The image that moves, and the last one if there is one."""
        return self.given[: max(0, len(self.given) - len(given_specs(self.settings.controlnet or ())))]

    def with_motion(self, places: Mapping[str, str]) -> Self:
        """Return the recipe with its outside motion adapter at its place here."""
        name = self.settings.motion or ""
        return self.model_copy(update={"settings": replace(self.settings, motion=places.get(name, name))})

    def remake(self, out: Path, files: CheckpointFiles, store: Path | None) -> Generator[Step, None, Remade]:
        """Move the image again."""
        styles, output = StyleFinder(files), Output(path=out, max_size=self.budget(out)).check()
        settings = self.resolved(files, styles)
        check_amount(_frame_count(self.seconds, settings), settings.size)
        images = [open_store(store).read(name) for name in self.own_images]
        recipe = self.followed(files, **_recipe_keys(settings, styles))
        made = yield from _render(_resolve(recipe, images, settings, styles, output, store), ())
        return Remade(path=made.clip, frames=made.frames, generated=made.count.generated, reused=made.count.reused, notes=made.notes)


@checked(seconds=MOVE_SECONDS, seed=SEED)
def move(
    image: Path | str,
    prompt: str,
    out: Path | str = CLIP,
    *,
    last: Path | str | None = None,
    seconds: float = 2.0,
    loop: bool = False,
    seed: int = 0,
    style: str | None = None,
    settings: FilmSettings | None = None,
    store: Path | None = None,
    recipe: bool = True,
    max_size: int | None = None,
) -> Work[Step, MovedImage]:
    """Generate a clip in which an image comes alive.

    The image, fitted to the clip's shape, is the first frame; a motion adapter goes on from it as the prompt says. `last` is another image
    that the clip ends with. A `loop` leads back to the first frame; there `last` comes halfway. By default the clip has the image's shape,
    and the adapter denoises it to the end (`motion_end` 1), as frames that the image model ended would stand out from the image. With a
    `strength` in the settings the image is generated again first, so that what the prompt adds begins; within a second the image fades to
    it. Raises SakugaError.
    """
    request = MoveRequest(
        image=Path(image),
        prompt=prompt,
        last=None if last is None else Path(last),
        seconds=seconds,
        seed=seed,
        loop=loop,
        output=Output(path=Path(out), recipe=recipe, max_size=max_size).check(),
        settings=with_style(settings, style),
        store=store,
    )
    return Work(_render(*resolve_move(request)))


def resolve_move(request: MoveRequest) -> tuple[ResolvedMove, tuple[Image, ...]]:
    """Resolve a moved image, and read its images; raises InputError."""
    check_store(request.store)
    files = find_model(request.settings)
    styles, loaded = StyleFinder(files), [read_image(path) for path in (request.image, request.last) if path]
    images = tuple(one.image for one in loaded)
    size, motion = request.settings.size or image_size(images[0], request.image, files), request.settings.motion or AUTO
    strength = request.settings.strength or 0.0
    end = 1.0 if request.settings.motion_end is None and not strength else request.settings.motion_end
    named, away = named_styles(request.prompt, styles), named_styles(request.settings.negative or "", styles, negative=True)
    style = with_named_styles(request.settings.style, (*named.styles, *away.styles))
    negative = away.prompt if away.styles else request.settings.negative
    wanted = replace(request.settings, size=size, motion=motion, motion_end=end, style=style, negative=negative)
    settings = resolve_settings(with_style_finishing(wanted, styles.uses(wanted.style)), files, styles, film=True)
    recipe = MoveRecipe.of(
        files,
        **_recipe_keys(settings, styles),
        given=(*(digest(given_spec(image)) for image in images), *given_specs(settings.controlnet)),
        prompt=named.prompt,
        seconds=request.seconds,
        seed=request.seed,
        loop=request.loop,
        strength=strength,
    )
    resolved = _resolve(recipe, images, settings, styles, request.output, request.store)
    notes = (*(note for one in loaded for note in one.notes), *resolved.notes, *size_notes(request.settings.size, files))
    return replace(resolved, notes=notes), images


def _recipe_keys(settings: ResolvedSettings, styles: StyleFinder) -> dict[str, Any]:
    """Return the keys of the recipe for settings, styles and motion adapter; raises InputError where there is no adapter."""
    finder = MotionFinder(styles.files)
    name, adapter = shared_name(settings.motion, finder), _find_adapter(finder, settings)
    return {**recipe_settings(replace(settings, motion=name), styles), "motion": (RecipeMotion(name=name, digest=adapter.digest),)}


def _resolve(
    recipe: MoveRecipe, images: Sequence[Image], settings: ResolvedSettings, styles: StyleFinder, output: Output, store: Path | None
) -> ResolvedMove:
    """Resolve a moved image whose recipe is known; raises InputError."""
    if not settings.motion_scale:
        raise InputError("at motion_scale 0 nothing moves: choose more than 0")
    files, uses = styles.files, styles.uses(settings.style)
    adapter, how = _find_adapter(MotionFinder(files), settings), frame_settings(settings, files, styles)
    fitted = tuple(fit_image(image, how.width, how.height) for image in images)
    first, *last = (given_spec(image) for image in fitted)
    frames, controlnets = _frame_count(recipe.seconds, settings), find_controlnets(settings.controlnet, files)
    prompt = with_triggers(recipe.prompt, uses)
    moving = ImageMove(prompt=prompt, frames=frames, seed=recipe.seed, loop=recipe.loop, strength=recipe.strength)
    sheet = lay_out_move(first, last[0] if last else None, moving, how, motion_settings(adapter, settings))
    check_frames(output.path, frames, recipe.text() if output.recipe else "")
    refuse_missing_networks(sheet.specs.values(), files)
    return ResolvedMove(
        files=files,
        uses=tuple(uses),
        settings=settings,
        adapter=adapter,
        controlnets=controlnets,
        fitted=fitted,
        sheet=sheet,
        recipe=recipe,
        output=output,
        store=store,
        notes=controlnets.notes,
    )


def _find_adapter(finder: MotionFinder, settings: ResolvedSettings) -> MotionFiles:
    """Return the motion adapter; raises InputError where there is none."""
    if adapter := finder.adapter(settings.motion):
        return adapter
    raise InputError(
        f"an image moves by a motion adapter, and {finder.files.name!r} has none with motion {settings.motion!r}: name one with --motion"
    )


def _frame_count(seconds: float, settings: ResolvedSettings) -> int:
    """Return the frames of a clip; raises InputError for less than two."""
    count = round(exact_seconds(seconds) * settings.fps)
    if count < 2:
        raise InputError(f"{seconds:g} s at {float(settings.fps):g} frames a second are less than two frames: choose more seconds")
    if count > MAX_FRAMES:
        raise InputError(f"the clip has {count:,} frames, and {MAX_FRAMES:,} are the most: choose fewer seconds or a lower fps")
    return count


def _render(resolved: ResolvedMove, images: Sequence[Image]) -> Generator[Step, None, MovedImage]:
    """Generate the frames, finish them, and write the clip; `images` are those of the recipe, if the store lacks them."""
    started = perf_counter()
    networks, precision = resolved.controlnets.networks, resolved.settings.precision
    session = RenderSession(resolved.files, resolved.store, resolved.uses, precision, motion=(resolved.adapter,), controlnets=networks)
    resolved.controlnets.keep_images(session.store)
    notes = (*resolved.notes, *session.prompt_warnings(resolved.recipe.prompt), *session.negative_warnings(resolved.settings.negative))
    for note in notes:
        yield Step(stage="story", note=note)
    for image in (*images, *resolved.fitted):
        session.store.write_given(image)
    with closing(session), ImageSpool(session.store.root) as spool:
        rendering = yield from session.render(resolved.sheet.specs, resolved.sheet.exposures)
        generated = perf_counter()
        clip = yield from _finish(resolved, rendering, session, spool)
        finished = perf_counter()
        written = yield from write_clip(clip, resolved.output, resolved.recipe)
    return MovedImage(
        clip=resolved.output.path,
        frames=clip.count,
        count=rendering.count,
        seconds=Seconds.since(started, generated, finished),
        notes=(*notes, *rendering.count.notes, *written.notes),
    )


def _finish(resolved: ResolvedMove, rendering: Rendering, session: RenderSession, spool: ImageSpool) -> Generator[Step, None, FrameStream]:
    """Resize and finish every frame."""
    exposures, enlarged = resolved.sheet.exposures, session.enlarger(*resolved.settings.size, resolved.settings.upscaler)
    shown = session.read_frames(rendering, exposures, lambda _, image: enlarged(image))
    return (yield from finish_clip(shown, len(exposures), resolved.settings, resolved.recipe.seed, spool))
