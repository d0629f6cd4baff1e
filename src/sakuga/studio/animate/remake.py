"""Make a clip again from the recipe in its file."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sakuga.export import check_target
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointError, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering.store import FrameStore, open_store
from sakuga.story.settings import PredictionType
from sakuga.studio.animate.foreign import draw_foreign, foreign_recipe, resolve_foreign
from sakuga.studio.animate.recipe_reading import recipe_of
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.motion import MotionFinder, motion_places
from sakuga.studio.core.output import check_store
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Recipe, RecipeError, Remade
from sakuga.studio.core.recipe_files import controlnet_places, match_by_digest, with_upscaler
from sakuga.studio.core.styles import StyleFinder
from sakuga.studio.core.work import Work
from sakuga.timeline.spec import ENGINE

if TYPE_CHECKING:
    from sakuga.datasets.image_reading import LoadedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedRemake:
    """A recipe with everything resolved: checkpoint, places of outside styles, input images."""

    recipe: Recipe
    files: CheckpointFiles
    out: Path
    images: "tuple[LoadedImage, ...]"
    store: Path | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """Files for what a recipe knows by digest only, and what a single-file model does not tell."""

    model: str | None = None
    images: Sequence[Path] = ()
    styles: Sequence[str] = ()
    motion: Sequence[str] = ()
    controlnets: Sequence[str] = ()
    upscaler: str | None = None
    prediction: PredictionType | None = None
    vae: str | None = None
    anyway: bool = False
    """Whether to go on where they, or the engine, are not the same."""


@checked()
def remake(
    clip: Path | str,
    out: Path | None = None,
    *,
    changes: Mapping[str, str] | None = None,
    model: str | None = None,
    images: Sequence[Path] = (),
    styles: Sequence[str] = (),
    motion: Sequence[str] = (),
    controlnets: Sequence[str] = (),
    upscaler: str | None = None,
    prediction: PredictionType | None = None,
    vae: str | None = None,
    anyway: bool = False,
    store: Path | None = None,
) -> Work[Step, Remade]:
    """Make a clip again from the recipe in its file.

    `changes` are by dotted key ("shots.2.prompt"); the default output is CLIP-remade in this folder. `model`, `images`, `styles`,
    `motion`, `controlnets` and `upscaler` (files or folders) give what the recipe knows by digest only, `prediction` and `vae` what a
    single-file model does not tell; if they, or the engine, are not the same, RecipeError says so, unless `anyway`. On one machine the
    frames are the same to the byte, and with the same suffix the file. An image of A1111, ComfyUI or InvokeAI is drawn by what its own
    recipe says; notes list the rest.
    """
    clip = Path(clip)
    stem, dot, ending = clip.name.partition(".")  # of hop.sheet.png both endings count
    out = Path(out or f"{stem}-remade{dot}{ending}")
    check_target(out)
    if foreign := foreign_recipe(clip):
        image = resolve_foreign(foreign, clip, out, model, tuple(styles), changes or {})
        return Work(draw_foreign(image, store))
    given = Supplied(
        model=model,
        images=images,
        styles=styles,
        motion=motion,
        controlnets=controlnets,
        upscaler=upscaler,
        prediction=prediction,
        vae=vae,
        anyway=anyway,
    )
    resolved = resolve_remake(recipe_of(clip, changes), clip, out, given, store)
    return Work(follow_recipe(resolved, clip))


def resolve_remake(recipe: Recipe, source: Path, out: Path, given: Supplied, store: Path | None) -> ResolvedRemake:
    """Resolve what a recipe knows by digest only; `source` is its file's name in errors.

    Raises RecipeError.
    """
    check_store(store)
    finder = StyleFinder(_checkpoint(recipe, source, given))
    places, other = _places(recipe, source, given.styles, finder)
    recipe = recipe.restyled(places) if places else recipe
    motion_at, others = motion_places(recipe, source, given.motion, MotionFinder(finder.files))
    recipe = recipe.with_motion(motion_at) if motion_at else recipe
    controlnets_at, more = controlnet_places(recipe, source, given.controlnets, finder.files)
    recipe = recipe.with_controlnets(controlnets_at) if controlnets_at else recipe
    recipe, enlarged = with_upscaler(recipe, source, given.upscaler)
    notes = (*other, *others, *more, *enlarged, *_differences(recipe, source, finder))
    if notes and not given.anyway:
        raise RecipeError(f"{notes[0]}; --anyway generates with what is here, and the images will differ")
    from sakuga.datasets.image_reading import read_image

    loaded = tuple(map(read_image, given.images))
    return ResolvedRemake(recipe=recipe, files=finder.files, out=out, images=loaded, store=store, notes=notes)


def follow_recipe(resolved: ResolvedRemake, source: Path) -> Generator[Step, None, Remade]:
    """Write the input images to the store, and make the clip again."""
    for note in resolved.notes:
        yield Step(stage="story", note=note)
    keep_images(resolved, source)
    return (yield from resolved.recipe.remake(resolved.out, resolved.files, resolved.store))


def keep_images(resolved: ResolvedRemake, source: Path) -> FrameStore:
    """Write the input images to the store and return it; raises RecipeError for one that is missing."""
    store = open_store(resolved.store)
    for loaded in resolved.images:
        store.write_given(loaded.image)
    for name in resolved.recipe.given:
        if not store.has(name):
            raise RecipeError(f"{source} starts from an image from outside ({name[:12]}): give it with --image")
    return store


def _checkpoint(recipe: Recipe, clip: Path, given: Supplied) -> CheckpointFiles:
    if given.model is None and recipe.model != SKETCHBOOK:
        named = f"{recipe.model!r}" if recipe.model else "a model from a folder"
        raise RecipeError(f"{clip} was made with {named} ({recipe.checkpoint[:12]}): give it with --model")
    try:
        optional = recipe.text_encoder_optional
        return find_checkpoint(given.model or SKETCHBOOK, prediction=given.prediction, vae=given.vae, text_encoder_optional=optional)
    except CheckpointError as error:
        raise RecipeError(f"{clip} cannot be made again: {error}") from None


def _places(recipe: Recipe, clip: Path, given: Sequence[str], finder: StyleFinder) -> tuple[dict[str, str], list[str]]:
    """Find each outside style's place here, by its name in the recipe.

    Returns notes for those that are not the same.
    """
    found = {name: finder.style(name) for name in given}
    places, missing, spare = match_by_digest(recipe.outside, {name: style.digest for name, style in found.items()})
    if len(missing) > len(spare):
        wanted = ", ".join(f"{outside.name!r} ({outside.digest[:12]})" for outside in missing)
        raise RecipeError(f"{clip} applies styles from outside, {wanted}: give the file or folder of each with --style")
    if len(spare) > len(missing):
        raise RecipeError(f"{clip} does not apply {spare[-1]!r}: leave it out")
    notes = [
        f"style {name!r} ({found[name].digest[:12]}) is not {outside.name!r} that {clip} applies ({outside.digest[:12]})"
        for outside, name in zip(missing, spare, strict=True)
    ]
    places |= {outside.name: name for outside, name in zip(missing, spare, strict=True)}
    triggers = {outside.name: (outside.trigger, ", ".join(found[places[outside.name]].metadata.prompt_words)) for outside in recipe.outside}
    return places, notes + [
        f"style {name!r} had the trigger {before!r} when {clip} was made, and has {now!r} here (in its style.toml)"
        for name, (before, now) in triggers.items()
        if before != now
    ]


def _differences(recipe: Recipe, clip: Path, finder: StyleFinder) -> list[str]:
    """Return what differs from when the clip was made."""
    files, notes = finder.files, []
    if recipe.engine != ENGINE:
        notes.append(f"{clip} was made by engine {recipe.engine}, and this sakuga has engine {ENGINE}")
    if recipe.checkpoint != files.digest:
        other = f"another version of {files.name!r}" if recipe.model == files.name else "another model"
        notes.append(f"{clip} was made with {other} ({recipe.checkpoint[:12]}, and this is {files.digest[:12]})")
    elif recipe.upscaler != files.upscaler_digest:
        how = "another version of the model's upscaler" if recipe.upscaler and files.upscaler_digest else "another upscaler than is here"
        notes.append(f"{clip} was enlarged by {how}")
    if recipe.styles != recipe.style_digests(finder):
        notes.append(f"{clip} was made with other styles, or other versions of them, than are here")
    return notes
