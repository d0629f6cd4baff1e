"""Recipes as they are read: of every version and kind, with changed values."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sakuga.export import read_recipe
from sakuga.story.film import UNKNOWN_KEY
from sakuga.story.options import renamed_note
from sakuga.story.settings import NO_MOTION, RENAMED, RENAMED_VALUES
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.recipe import MAX_RECIPE, VERSION, Recipe, RecipeError
from sakuga.text import lower_first

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


def parse_changes(texts: Sequence[str]) -> dict[str, str]:
    """Read "shots.2.prompt=a castle" as key and value; raises RecipeError."""
    for text in texts:
        if "=" not in text:
            raise RecipeError(f"{text!r} sets nothing: write KEY=VALUE, such as shots.2.prompt='a castle at night'")
    return {key.strip(): value for key, _, value in (text.partition("=") for text in texts)}


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
