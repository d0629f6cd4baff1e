"""Images of other programs: their recipes read, and drawn again."""

import shutil
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sakuga.export import read_recipe
from sakuga.export.foreign_text import foreign_texts
from sakuga.models.model_registry import read_models
from sakuga.story.a1111 import read_infotext
from sakuga.story.comfyui import read_graph, read_workflow
from sakuga.story.film import Film
from sakuga.story.foreign_recipe import ForeignRecipe
from sakuga.story.invokeai import read_metadata
from sakuga.story.settings import FilmSettings
from sakuga.story.storyboard import Bible, Cut, Shot, Storyboard
from sakuga.studio.animate.draw import draw
from sakuga.studio.animate.storyboard import FilmTarget
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import RecipeError, Remade

READERS = {"invokeai_metadata": read_metadata, "parameters": read_infotext, "prompt": read_graph, "workflow": read_workflow}
"""The keyword of each program's text, and its reader; the first that reads one counts."""
FILM_SECONDS = 4.0
"""Length of a film that is made of an image."""
CHANGEABLE = ("prompt", "negative", "steps", "sampler", "schedule", "clip_skip", "guidance", "guidance_start", "seed", "size")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignImage:
    """An image of another program that is drawn again."""

    recipe: ForeignRecipe
    settings: FilmSettings
    out: Path
    notes: tuple[str, ...]


def foreign_recipe(image: Path) -> ForeignRecipe | None:
    """Read another program's recipe; None where there is none, or where the file carries one of sakuga."""
    found = read_foreign(image)
    return found if found and not read_recipe(image) else None


def read_foreign(image: Path) -> ForeignRecipe | None:
    """Read the recipe of A1111, ComfyUI or InvokeAI in an image; None where there is none."""
    texts = foreign_texts(image)
    found = (reader(texts[keyword]) for keyword, reader in READERS.items() if keyword in texts)
    return next(filter(None, found), None)


def resolve_foreign(
    recipe: ForeignRecipe, image: Path, out: Path, model: str | None, styles: tuple[str, ...], changes: Mapping[str, str]
) -> ForeignImage:
    """Resolve another program's recipe; raises RecipeError where nothing is known of its model, or a key cannot be changed."""
    if unknown := next((key for key in changes if key not in CHANGEABLE), None):
        raise RecipeError(f"{image} is of {recipe.program}: {unknown!r} is no key of it; there are {', '.join(CHANGEABLE)}")
    if out.suffix.lower() != ".png":
        raise RecipeError(f"{out}: an image of {recipe.program} is drawn as one .png")
    known = _known_model(recipe, model)
    if known is None:
        named = f"'{recipe.model}', which is not registered" if recipe.model else "a model that it does not name"
        raise RecipeError(f"{image} was made in {recipe.program} with {named}: give it with --model, or run `sakuga model add`")
    recipe = replace(recipe, prompt=changes.get("prompt", recipe.prompt), negative=changes.get("negative", recipe.negative))
    given = _settings(recipe) | {"style": ", ".join(styles) or None, "model": known}
    given |= {key: value for key, value in changes.items() if key in given}
    if "seed" in changes:
        recipe = replace(recipe, seed=int(changes["seed"]))
    return ForeignImage(recipe=recipe, settings=FilmSettings(**given), out=out, notes=unread_notes(recipe))


def foreign_film(image: Path, out: Path, model: str | None = None, seconds: float = FILM_SECONDS) -> tuple[Film, tuple[str, ...]]:
    """Write a film of one shot with another program's prompt, seed and settings; return it with what is not used.

    Its model is the one given, else the registered one of that name, else the Sketchbook. Raises RecipeError for an image without such a
    recipe, FilmError.
    """
    recipe = foreign_recipe(image)
    if recipe is None:
        raise RecipeError(f"{image} has no recipe of A1111, ComfyUI or InvokeAI: `sakuga remake` makes clips of sakuga again")
    target = FilmTarget(path=out).check()
    settings = FilmSettings(**_settings(recipe), model=_known_model(recipe, model))
    shot = Shot(prompt=recipe.prompt, seconds=seconds, seed=recipe.seed or 0, transition=Cut())
    film = Film(settings=settings, storyboard=Storyboard(idea=recipe.prompt, bible=Bible(), shots=(shot,)))
    note = target.write(film)
    return film, (*([note] if note else []), *unread_notes(recipe))


def _known_model(recipe: ForeignRecipe, model: str | None) -> str | None:
    """Return the model that is given, else the registered one of the recipe's name."""
    return model or (recipe.model if recipe.model in read_models() else None)


def _settings(recipe: ForeignRecipe) -> dict[str, Any]:
    """Return a recipe's settings by their names here; None is left open there."""
    return {
        "negative": recipe.negative or None,
        "steps": recipe.steps,
        "sampler": recipe.sampler,
        "schedule": recipe.schedule,
        "clip_skip": recipe.clip_skip,
        "guidance": recipe.guidance,
        "guidance_start": recipe.guidance_start,
        "size": recipe.size,
    }


def unread_notes(recipe: ForeignRecipe) -> tuple[str, ...]:
    """Say what of a recipe means nothing here."""
    notes = [f"{recipe.program}'s {name} is not used: {value[:100]}" for name, value in recipe.unread.items()]
    return (*notes, f"{recipe.program} draws other noise from a seed, so the image will differ in all but its description")


def draw_foreign(image: ForeignImage, store: Path | None) -> Generator[Step, None, Remade]:
    """Draw the image of a recipe to a .png."""
    for note in image.notes:
        yield Step(stage="story", note=note)
    folder = Path(mkdtemp(dir=image.out.absolute().parent, prefix=".sakuga-"))
    try:
        work = draw(image.recipe.prompt, folder / "images", seed=image.recipe.seed or 0, settings=image.settings, store=store)
        yield from work
        made = work.result()
        (path,) = made.paths
        Path(path).replace(image.out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Remade(path=image.out, frames=1, generated=made.count.generated, reused=made.count.reused, notes=image.notes)
