"""Make a clip again from the recipe in its file."""

import json
import tomllib
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from sakuga.datasets.image_reading import read_picture
from sakuga.export import check_target, read_recipe
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointError, Source
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.styles import find_style
from sakuga.paths import home
from sakuga.rendering.store import FrameStore
from sakuga.studio.animate.film import FilmRecipe
from sakuga.studio.animate.images import DrawRecipe
from sakuga.studio.animate.morph import MorphRecipe
from sakuga.studio.animate.variations import VaryRecipe
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import LONGEST, VERSION, Recipe, RecipeError, Remade
from sakuga.studio.core.styles import styles_folder
from sakuga.studio.core.work import Work
from sakuga.timeline.spec import ENGINE

AnyRecipe: TypeAlias = Annotated[FilmRecipe | DrawRecipe | VaryRecipe | MorphRecipe, Field(discriminator="kind")]
"""Each verb that writes clips or pictures adds its own kind here."""
KINDS = ("film", "draw", "vary", "morph")
FIXED = ("recipe", "kind", "engine", "checkpoint", "upscaler", "given", "styles", "outside")
"""What says where a recipe comes from; to change it would be to lie."""

_adapter: TypeAdapter[Recipe] = TypeAdapter(AnyRecipe)


def recipe_of(clip: Path, changes: Mapping[str, str] | None = None) -> Recipe:
    """Read and check the recipe in a file, with values changed by their dotted key, shots counted from 1; raises RecipeError."""
    text = read_recipe(clip)
    if text is None:
        raise RecipeError(f"{clip} carries no recipe: it was not made by sakuga, or with --no-recipe, or lost it on its way")
    return parse_recipe(text, str(clip), changes)


def parse_recipe(text: str, name: str, changes: Mapping[str, str] | None = None) -> Recipe:
    """Check the text of a recipe; `name` is what errors call its file."""
    if len(text) > LONGEST:
        raise RecipeError(f"{name}: its recipe has {len(text):,} characters, and {LONGEST:,} are the most: it was tampered with")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise RecipeError(f"{name}: what it carries is no recipe of sakuga") from None
    if not isinstance(document, dict) or not isinstance(document.get("recipe"), int):
        raise RecipeError(f"{name}: what it carries is no recipe of sakuga")
    if document["recipe"] > VERSION:
        raise RecipeError(f"{name}: its recipe is of version {document['recipe']}, and this sakuga reads up to {VERSION}: take a newer one")
    if document["recipe"] < VERSION:
        document = _from_version_1(document, name)
    for key, value in (changes or {}).items():
        _change(document, key, value)
    try:
        return _adapter.validate_json(json.dumps(document))
    except ValidationError as error:
        raise RecipeError(_sentence(name, error.errors())) from None


def remake(
    clip: Path,
    out: Path | None = None,
    *,
    changes: Mapping[str, str] | None = None,
    model: str | None = None,
    pictures: Sequence[Path] = (),
    styles: Sequence[str] = (),
    anyway: bool = False,
    store: Path | None = None,
) -> Work[Step, Remade]:
    """Make a clip again from its file alone, `changes` by dotted key ("shots.2.prompt"), as CLIP-remade in this folder unless `out` says.

    `model`, `pictures` and `styles` (files or folders) give what the recipe knows by digest only; where they, or the engine, are not the
    same, RecipeError says so, unless `anyway`. On one machine the frames are the same to the byte, and with the same suffix so is the file.
    """
    stem, dot, ending = clip.name.partition(".")  # of hop.sheet.png both endings count
    return Work(_remake(clip, out or Path(f"{stem}-remade{dot}{ending}"), changes, model, pictures, styles, anyway, store))


def parse_changes(said: Sequence[str]) -> dict[str, str]:
    """Read "shots.2.prompt=a castle" as key and value; raises RecipeError."""
    for text in said:
        if "=" not in text:
            raise RecipeError(f"{text!r} sets nothing: write KEY=VALUE, such as shots.2.prompt='a castle at night'")
    return {key.strip(): value for key, _, value in (text.partition("=") for text in said)}


def _remake(
    clip: Path,
    out: Path,
    changes: Mapping[str, str] | None,
    model: str | None,
    pictures: Sequence[Path],
    styles: Sequence[str],
    anyway: bool,
    store: Path | None,
) -> Generator[Step, None, Remade]:
    recipe = recipe_of(clip, changes)
    check_target(out)
    source = _source(recipe, clip, model)
    places, other = _places(recipe, clip, styles, source)
    recipe = recipe.restyled(places) if places else recipe
    for note in (*other, *_differences(recipe, clip, source)):
        if not anyway:
            raise RecipeError(f"{note}; --anyway draws with what is here, and the pictures will differ")
        yield Step(stage="story", note=note)
    kept = FrameStore(store or home() / "frames")
    for picture in pictures:
        kept.given(read_picture(picture).picture)
    for name in recipe.given:
        if not kept.has(name):
            raise RecipeError(f"{clip} starts from a picture from outside ({name[:12]}): give it with --picture")
    return (yield from recipe.remake(out, source, store))


def _source(recipe: Recipe, clip: Path, model: str | None) -> Source:
    if model is None and recipe.model != SKETCHBOOK:
        named = f"{recipe.model!r}" if recipe.model else "a model from a folder"
        raise RecipeError(f"{clip} was drawn with {named} ({recipe.checkpoint[:12]}): give it with --model")
    try:
        return find_checkpoint(model or SKETCHBOOK, wordless=recipe.wordless)
    except CheckpointError as error:
        raise RecipeError(f"{clip} cannot be made again: {error}") from None


def _places(recipe: Recipe, clip: Path, given: Sequence[str], source: Source) -> tuple[dict[str, str], list[str]]:
    """Find where each style from outside lies here, by its name in the recipe; and say which is not the same."""
    found = {name: find_style(name, source, styles_folder()) for name in given}
    places = {said.name: name for said in recipe.outside for name, style in found.items() if style.digest == said.digest}
    missing = [said for said in recipe.outside if said.name not in places]
    spare = [name for name in given if name not in places.values()]
    if len(missing) > len(spare):
        wanted = ", ".join(f"{said.name!r} ({said.digest[:12]})" for said in missing)
        raise RecipeError(f"{clip} wears styles from outside, {wanted}: give the file or folder of each with --style")
    if len(spare) > len(missing):
        raise RecipeError(f"{clip} does not wear {spare[-1]!r}: leave it out")
    notes = [
        f"style {name!r} ({found[name].digest[:12]}) is not {said.name!r} that {clip} wears ({said.digest[:12]})"
        for said, name in zip(missing, spare, strict=True)
    ]
    places |= {said.name: name for said, name in zip(missing, spare, strict=True)}
    called = {said.name: (said.trigger, ", ".join(found[places[said.name]].about.words)) for said in recipe.outside}
    return places, notes + [
        f"style {name!r} was called {was!r} when {clip} was drawn, and is called {now!r} here (in its style.toml)"
        for name, (was, now) in called.items()
        if was != now
    ]


def _differences(recipe: Recipe, clip: Path, source: Source) -> list[str]:
    """Say what is not as it was when the clip was drawn."""
    notes = []
    if recipe.engine != ENGINE:
        notes.append(f"{clip} was drawn by engine {recipe.engine}, and this sakuga has engine {ENGINE}")
    if recipe.checkpoint != source.digest:
        was = f"another edition of {source.name!r}" if recipe.model == source.name else "another model"
        notes.append(f"{clip} was drawn with {was} ({recipe.checkpoint[:12]}, and this is {source.digest[:12]})")
    elif recipe.upscaler != source.upscaler:
        how = "by another edition of the model's upscaler" if recipe.upscaler and source.upscaler else "otherwise than by what is here"
        notes.append(f"{clip} was enlarged {how}")
    if recipe.styles != recipe.worn(source):
        notes.append(f"{clip} was drawn in other styles, or other editions of them, than are asked for here")
    return notes


def _from_version_1(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Version 1 knew films only, as the text of their file."""
    try:
        film = tomllib.loads(document["film"])
        model = film["film"].pop("model", None)
        head = {"recipe": VERSION, "kind": "film", "engine": document["engine"], "checkpoint": document["checkpoint"], "model": model}
    except (KeyError, TypeError, AttributeError, RecursionError, tomllib.TOMLDecodeError):
        raise RecipeError(f"{name}: its recipe is of version 1 and damaged") from None
    return {**film, **head}


def _change(document: dict[str, Any], key: str, value: str) -> None:
    """Set one value by its dotted key; what is text stays text, everything else is read as JSON if it can be."""
    *way, last = key.split(".")
    table: Any = document
    for part in way:
        table = _below(table, part, key)
    if key.split(".")[0] in FIXED or not isinstance(table, dict | list) or not last:
        raise RecipeError(f"{key!r} cannot be set: name what the clip shows, such as shots.2.prompt")
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
    """Say the first error with its key, and how many more there are."""
    error = errors[0]
    if error["type"].startswith("union_tag"):
        return f"{name}: its recipe is of a kind that this sakuga does not know (it knows {', '.join(KINDS)}): take a newer one"
    key = ".".join(str(part + 1 if isinstance(part, int) else part) for part in error["loc"][1:]) or "as a whole"
    match error["type"]:
        case "value_error":
            said = str(error["ctx"]["error"])
        case "extra_forbidden":
            said = "unknown key"
        case _:
            said = f"{error['msg'][0].lower()}{error['msg'][1:]}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{name}: its recipe cannot be followed, {key}: {said}{more}"
