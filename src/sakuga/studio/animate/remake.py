"""Make a clip again from the recipe in its file."""

import json
import tomllib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sakuga.export import check_target, read_recipe
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointError, CheckpointFiles
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering.store import FrameStore, open_store
from sakuga.story.film import UNKNOWN_KEY
from sakuga.story.options import renamed_note
from sakuga.story.settings import NO_MOTION, RENAMED, RENAMED_VALUES, PredictionType
from sakuga.studio.animate.foreign import draw_foreign, foreign_recipe, resolve_foreign
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.motion import MotionFinder, motion_places
from sakuga.studio.core.output import check_store
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import MAX_RECIPE, VERSION, Recipe, RecipeError, Remade
from sakuga.studio.core.recipe_files import controlnet_places, match_by_digest, with_upscaler
from sakuga.studio.core.styles import StyleFinder
from sakuga.studio.core.work import Work
from sakuga.text import lower_first
from sakuga.timeline.spec import ENGINE

if TYPE_CHECKING:
    from sakuga.datasets.image_reading import LoadedImage

KINDS = {
    "film": ("sakuga.studio.animate.animate", "FilmRecipe"),
    "draw": ("sakuga.studio.animate.draw", "DrawRecipe"),
    "vary": ("sakuga.studio.animate.vary", "VaryRecipe"),
    "morph": ("sakuga.studio.animate.morph", "MorphRecipe"),
    "move": ("sakuga.studio.animate.move", "MoveRecipe"),
    "choose": ("sakuga.studio.choosing.recipe", "ChooseRecipe"),
}
"""The recipe of each kind, imported when one is read; each verb adds its own here."""
FIXED = ("recipe", "kind", "engine", "checkpoint", "upscaler", "given", "styles", "outside", "motion", "controlnets")
"""Keys that say where a clip comes from, which cannot be changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedRemake:
    """A recipe with everything resolved: checkpoint, places of outside styles, input images."""

    recipe: Recipe
    files: CheckpointFiles
    out: Path
    images: "tuple[LoadedImage, ...]"
    store: Path | None
    notes: tuple[str, ...]


@checked()
def recipe_of(clip: Path, changes: Mapping[str, str] | None = None) -> Recipe:
    """Read the recipe in a file, with some values changed.

    `changes` are by dotted key, shots counted from 1. Raises RecipeError.
    """
    text = read_recipe(clip)
    if text is None:
        raise RecipeError(f"{clip} carries no recipe: it was not made by sakuga, or with --no-recipe, or another program removed it")
    return parse_recipe(text, str(clip), changes)


def parse_recipe(text: str, name: str, changes: Mapping[str, str] | None = None) -> Recipe:
    """Read the text of a recipe.

    `name` is its file's name in errors.
    """
    if len(text) > MAX_RECIPE:
        raise RecipeError(f"{name}: its recipe has {len(text):,} characters, and {MAX_RECIPE:,} are the most: it was tampered with")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise RecipeError(f"{name}: it carries no recipe of sakuga") from None
    if not isinstance(document, dict) or not isinstance(document.get("recipe"), int):
        raise RecipeError(f"{name}: it carries no recipe of sakuga")
    if document["recipe"] > VERSION:
        raise RecipeError(f"{name}: its recipe has version {document['recipe']}, and this sakuga reads up to {VERSION}: take a newer one")
    if document["recipe"] < 2:
        document = _from_version_1(document, name)
    if document["recipe"] < 3:
        document = _from_version_2(document)
    if document.get("kind") == "film" and isinstance(document.get("film"), dict):
        document["film"].setdefault("motion", NO_MOTION)  # it was written before there were motion adapters
    for key, value in (changes or {}).items():
        _change(document, key, value)
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise RecipeError(f"{name}: its recipe has a kind that this sakuga does not know (it knows {', '.join(KINDS)}): take a newer one")
    module, cls = KINDS[kind]
    recipe: type[Recipe] = getattr(import_module(module), cls)
    try:
        return recipe.model_validate_json(json.dumps(document))
    except ValidationError as error:
        raise RecipeError(_sentence(name, error.errors())) from None


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
    resolved = resolve_remake(
        recipe_of(clip, changes),
        clip,
        out,
        model=model,
        images=images,
        styles=styles,
        motion=motion,
        controlnets=controlnets,
        upscaler=upscaler,
        prediction=prediction,
        vae=vae,
        anyway=anyway,
        store=store,
    )
    return Work(follow_recipe(resolved, clip))


def resolve_remake(
    recipe: Recipe,
    source: Path,
    out: Path,
    *,
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
) -> ResolvedRemake:
    """Resolve what a recipe knows by digest only; `source` is its file's name in errors.

    Raises RecipeError.
    """
    check_store(store)
    finder = StyleFinder(_checkpoint(recipe, source, model, prediction, vae))
    places, other = _places(recipe, source, styles, finder)
    recipe = recipe.restyled(places) if places else recipe
    motion_at, others = motion_places(recipe, source, motion, MotionFinder(finder.files))
    recipe = recipe.with_motion(motion_at) if motion_at else recipe
    controlnets_at, more = controlnet_places(recipe, source, controlnets, finder.files)
    recipe = recipe.with_controlnets(controlnets_at) if controlnets_at else recipe
    recipe, enlarged = with_upscaler(recipe, source, upscaler)
    notes = (*other, *others, *more, *enlarged, *_differences(recipe, source, finder))
    if notes and not anyway:
        raise RecipeError(f"{notes[0]}; --anyway generates with what is here, and the images will differ")
    from sakuga.datasets.image_reading import read_image

    loaded = tuple(map(read_image, images))
    return ResolvedRemake(recipe=recipe, files=finder.files, out=out, images=loaded, store=store, notes=notes)


def parse_changes(texts: Sequence[str]) -> dict[str, str]:
    """Read "shots.2.prompt=a castle" as key and value; raises RecipeError."""
    for text in texts:
        if "=" not in text:
            raise RecipeError(f"{text!r} sets nothing: write KEY=VALUE, such as shots.2.prompt='a castle at night'")
    return {key.strip(): value for key, _, value in (text.partition("=") for text in texts)}


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


def _checkpoint(recipe: Recipe, clip: Path, model: str | None, prediction: PredictionType | None, vae: str | None) -> CheckpointFiles:
    if model is None and recipe.model != SKETCHBOOK:
        named = f"{recipe.model!r}" if recipe.model else "a model from a folder"
        raise RecipeError(f"{clip} was made with {named} ({recipe.checkpoint[:12]}): give it with --model")
    try:
        optional = recipe.text_encoder_optional
        return find_checkpoint(model or SKETCHBOOK, prediction=prediction, vae=vae, text_encoder_optional=optional)
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


def _from_version_1(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Convert version 1, which knew only films, as the text of their file."""
    try:
        film = tomllib.loads(document["film"])
        model = film["film"].pop("model", None)
        head = {"recipe": 2, "kind": "film", "engine": document["engine"], "checkpoint": document["checkpoint"], "model": model}
    except (KeyError, TypeError, AttributeError, RecursionError, tomllib.TOMLDecodeError):
        raise RecipeError(f"{name}: its recipe has version 1 and is damaged") from None
    return {**film, **head}


def _from_version_2(document: dict[str, Any]) -> dict[str, Any]:
    """Convert version 2, whose settings had other names."""
    shots = document.get("shots")
    tables: dict[str, Any] = {key: _renamed(document[key]) for key in ("film", "settings") if isinstance(document.get(key), dict)}
    if isinstance(shots, list):
        tables["shots"] = [_renamed(shot) if isinstance(shot, dict) else shot for shot in shots]
    control = document.get("control")
    if isinstance(control, dict):
        depth = {"estimate": "estimator", "given": "map"}
        tables["control"] = {key: depth.get(value, value) if key == "depth" else value for key, value in control.items()}
    return {**document, **tables, "recipe": VERSION}


def _renamed(table: dict[str, Any]) -> dict[str, Any]:
    named = {RENAMED.get(key, key): value for key, value in table.items()}
    return {key: RENAMED_VALUES.get(key, {}).get(value, value) if isinstance(value, str) else value for key, value in named.items()}


def _change(document: dict[str, Any], key: str, value: str) -> None:
    """Set one value by its dotted key.

    A text stays a text, everything else is read as JSON if possible.
    """
    *way, last = key.split(".")
    table: Any = document
    for part in way:
        table = _below(table, part, key)
    if key.split(".")[0] in FIXED or not isinstance(table, dict | list) or not last:
        raise RecipeError(f"{key!r} cannot be set: name a value of the clip, such as shots.2.prompt")
    old = _below(table, last, key) if isinstance(table, list) else table.get(last)
    read = value if isinstance(old, str) else _read(value)
    if isinstance(table, list):
        table[int(last) - 1] = read
    else:
        table[last] = read


def _below(table: Any, part: str, key: str) -> Any:
    if isinstance(table, dict) and part in table:
        return table[part]
    if isinstance(table, list) and part.isascii() and part.isdigit() and 1 <= int(part[:9]) <= len(table):
        return table[int(part) - 1]
    there = f"1 to {len(table)}" if isinstance(table, list) else ", ".join(table) if isinstance(table, dict) else "nothing below"
    raise RecipeError(f"{key!r} cannot be set: there is no {part!r}, there is {there}")


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _sentence(name: str, errors: list[ErrorDetails]) -> str:
    """Return the first error with its key, and the number of others."""
    error = errors[0]
    key = ".".join(str(part + 1 if isinstance(part, int) else part) for part in error["loc"]) or "as a whole"
    match error["type"]:
        case "value_error":
            reason = str(error["ctx"]["error"])
        case kind if kind in UNKNOWN_KEY:
            reason = renamed_note(str(error["loc"][-1]), RENAMED) or "unknown key"
        case _:
            reason = f"{lower_first(error['msg'])}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{name}: its recipe cannot be followed, {key}: {reason}{more}"
