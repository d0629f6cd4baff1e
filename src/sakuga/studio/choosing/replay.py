"""Decision logs: open a session to go on with it, or make its clip again."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from sakuga.export import check_target
from sakuga.studio.animate.recipe_reading import parse_recipe
from sakuga.studio.animate.remake import Supplied, follow_recipe, keep_images, resolve_remake
from sakuga.studio.choosing.log import SessionError, read
from sakuga.studio.choosing.recipe import ChooseRecipe
from sakuga.studio.choosing.session import Session
from sakuga.studio.choosing.tree import Tree
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import Remade
from sakuga.studio.core.work import Work


@checked()
def replay(
    session: Path | str,
    out: Path | str = "clip.gif",
    *,
    node: int | None = None,
    model: str | None = None,
    images: Sequence[Path] = (),
    styles: Sequence[str] = (),
    anyway: bool = False,
    store: Path | None = None,
) -> Work[Step, Remade]:
    """Make the clip of a session again from its decision log, up to the current node or to `node`.

    On one machine it is the same to the byte. `model`, `images` and `styles` give what the log knows by digest only. Raises SakugaError.
    """
    path, target = Path(session), Path(out)
    check_target(target)
    recipe = recipe_of_session(path, node)
    if not recipe.path:
        raise SessionError(f"{path}: nothing is chosen, so there is no clip; take an image first, or name a node")
    given = Supplied(model=model, images=images, styles=styles, anyway=anyway)
    return Work(follow_recipe(resolve_remake(recipe, path, target, given, store), path))


def recipe_of_session(path: Path, node: int | None = None) -> ChooseRecipe:
    """Return the recipe of a session's clip up to a node, by default the current one.

    Raises SessionError, RecipeError.
    """
    head, decisions = read(path)
    recipe = parse_recipe(json.dumps(head.recipe), str(path))
    if not isinstance(recipe, ChooseRecipe):
        raise SessionError(f"{path} is no session: its recipe is of another kind")
    tree = Tree.of(recipe.given[0], decisions)
    return recipe.model_copy(update={"path": tuple(one.choice for one in tree.path(node) if one.choice)})


def open_session(
    path: Path,
    *,
    model: str | None = None,
    images: Iterable[Path] = (),
    styles: Sequence[str] = (),
    store: Path | None = None,
) -> Session:
    """Open a session to go on with it; raises SakugaError."""
    recipe = recipe_of_session(path)
    given = Supplied(model=model, images=tuple(images), styles=styles)
    resolved = resolve_remake(recipe, path, Path("clip.gif"), given, store)
    assert isinstance(resolved.recipe, ChooseRecipe)
    return Session.open(path, resolved.recipe, resolved.files, keep_images(resolved, path))
