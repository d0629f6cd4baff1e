"""Clips and uploads by id: their files and recipes."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from sakuga.export import read_recipe
from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.story.film import Film, to_document
from sakuga.studio.animate.animate import FilmRecipe
from sakuga.studio.animate.recipe_reading import parse_recipe
from sakuga.studio.core.recipe import EditedRecipe, Recipe
from sakuga.web.data_folder import DataFolder
from sakuga.web.film_lines import parse_film
from sakuga.web.names import check_film, check_model
from sakuga.web.refusal import Refused, missing


def clip_row(connection: sqlite3.Connection, clip: str) -> sqlite3.Row:
    """Return a clip's row; raises Refused."""
    row = connection.execute("SELECT * FROM clips WHERE id = ?", (clip,)).fetchone()
    if row is None:
        raise missing("clip", clip)
    assert isinstance(row, sqlite3.Row)
    return row


def upload_row(connection: sqlite3.Connection, upload: str) -> sqlite3.Row:
    """Return an upload's row; raises Refused."""
    row = connection.execute("SELECT * FROM uploads WHERE id = ?", (upload,)).fetchone()
    if row is None:
        raise missing("upload", upload)
    assert isinstance(row, sqlite3.Row)
    return row


def file_of(connection: sqlite3.Connection, data: DataFolder, name: str) -> tuple[Path, str]:
    """Return the path of a clip or an upload, and what it is called; raises Refused.

    Paths are made of names in the database, which the server has chosen.
    """
    if row := connection.execute("SELECT file, title FROM clips WHERE id = ?", (name,)).fetchone():
        return data.clips / row["file"], row["title"]
    if row := connection.execute("SELECT file, name FROM uploads WHERE id = ?", (name,)).fetchone():
        return data.uploads / row["file"], row["name"]
    raise missing("clip or upload", name)


def image_path(connection: sqlite3.Connection, data: DataFolder, name: str) -> Path:
    """Return the path of an image: a frame by its digest, or an upload; raises Refused."""
    if len(name) == 64:
        path = data.frames / name[:2] / f"{name}.png"
        if not path.is_file():
            raise missing("frame", name[:12])
        return path
    return file_of(connection, data, name)[0]


def recipe_of_file(path: Path, title: str) -> Recipe:
    """Return the recipe of a file; raises RecipeError, or Refused where it has none."""
    text = read_recipe(path)
    if text is None:
        raise Refused(f"{title} carries no recipe: it was not made by sakuga, or another program removed it", field="clip")
    return parse_recipe(text, title)


def checked_model(path: Path, data: DataFolder) -> str | None:
    """Return the model that a file's recipe names, None for the built-in one; raises Refused where it is not here."""
    document = document_of_text(read_recipe(path))
    tables = (document.get(key) for key in ("film", "settings"))
    name = next((table["model"] for table in tables if isinstance(table, dict) and table.get("model")), None)
    check_model(name, data, "upload")
    return None if name == SKETCHBOOK else name


def film_of_clip(connection: sqlite3.Connection, data: DataFolder, name: str) -> tuple[Film, list[Any]]:
    """Return the film of a clip's or upload's recipe, or of an uploaded film.toml, and the edits of its frames; raises Refused."""
    path, title = file_of(connection, data, name)
    if path.suffix == ".toml":
        return parse_film(path.read_text(encoding="utf-8")), []
    recipe = recipe_of_file(path, title)
    if not isinstance(recipe, FilmRecipe):
        raise Refused(f"{title} is a {recipe.kind}, not a film: only a film has a storyboard", field="clip")
    film = recipe.read()
    check_film(to_document(film), data)
    return film, edits_in(recipe)


def edits_in(recipe: EditedRecipe) -> list[Any]:
    """Return the edits of a recipe as JSON."""
    return list(recipe.model_dump(mode="json", include={"edits"})["edits"])


def prompts_of(document: Any) -> list[str]:
    """Return the prompts in a recipe's document, wherever they stand."""
    if isinstance(document, dict):
        own = [document["prompt"]] if isinstance(document.get("prompt"), str) else []
        many = document.get("prompts")
        own += [prompt for prompt in many if isinstance(prompt, str)] if isinstance(many, list) else []
        return own + [prompt for key, value in document.items() if key not in ("prompt", "prompts") for prompt in prompts_of(value)]
    return [prompt for value in document for prompt in prompts_of(value)] if isinstance(document, list) else []


def document_of_text(text: str | None) -> dict[str, Any]:
    """Return a recipe's text as a document; empty where it is none."""
    try:
        document = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
