"""The film of a clip's recipe, to edit and render again."""

from dataclasses import replace
from pathlib import Path

from sakuga.models.checkpoint_files import SKETCHBOOK
from sakuga.story.film import Film
from sakuga.studio.animate.animate import FilmRecipe
from sakuga.studio.animate.foreign import foreign_film, foreign_recipe
from sakuga.studio.animate.recipe_reading import recipe_of
from sakuga.studio.animate.storyboard import FilmTarget
from sakuga.studio.core.recipe import RecipeError


def clip_film(clip: Path, out: Path, model: str | None = None) -> tuple[Film, tuple[str, ...]]:
    """Write the film of a clip, or one shot of another program's image; return it with what is not in it.

    Its model is the one given, else the recipe's. Raises RecipeError for a file of which there is no film, FilmError.
    """
    if foreign_recipe(clip):
        return foreign_film(clip, out, model)
    recipe = recipe_of(clip)
    if not isinstance(recipe, FilmRecipe):
        raise RecipeError(f"{clip} was made by `sakuga {recipe.kind}`, not of a film: `sakuga remake --set` makes it with other values")
    target = FilmTarget(path=out).check()
    film = recipe.read()
    film = replace(film, settings=replace(film.settings, model=model or recipe.model))
    note = target.write(film)
    return film, (*([note] if note else []), *_notes(recipe, model))


def _notes(recipe: FilmRecipe, model: str | None) -> tuple[str, ...]:
    notes = []
    if recipe.edits:
        notes.append("the clip's edits (redo, retime) are not in the film")
    if not model and not recipe.model:
        notes.append(f"the clip's model was a folder or file, and the film takes {SKETCHBOOK}: give it with --model")
    if recipe.outside:
        notes.append(f"styles from outside must be named in the film as they are here: {', '.join(one.name for one in recipe.outside)}")
    return tuple(notes)
