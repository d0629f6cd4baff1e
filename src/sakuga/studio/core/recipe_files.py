"""ControlNets and upscalers of recipes, found here."""

from collections.abc import Sequence
from pathlib import Path

from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.studio.core.controlnets import network_digest
from sakuga.studio.core.recipe import Recipe, RecipeError, shared_file


def controlnet_places(recipe: Recipe, clip: Path, given: Sequence[str], files: CheckpointFiles) -> tuple[dict[str, str], list[str]]:
    """Find the place here of each ControlNet of a recipe.

    Returns notes for those that are not the same. Raises RecipeError for one that is not given, or not needed.
    """
    found = {network_digest(name, files): name for name in given}
    places = {one.name: found[one.digest] for one in recipe.controlnets if one.digest in found}
    missing = [one for one in recipe.controlnets if one.name not in places]
    spare = [name for name in given if name not in places.values()]
    if len(missing) > len(spare):
        wanted = ", ".join(f"{one.name!r} ({one.digest[:12]})" for one in missing)
        raise RecipeError(f"{clip} was made with ControlNets from outside, {wanted}: give the file or folder of each with --controlnet")
    if len(spare) > len(missing):
        raise RecipeError(f"{clip} has no use for ControlNet {spare[-1]!r}: leave it out")
    pairs = list(zip(missing, spare, strict=True))
    notes = [f"ControlNet {name!r} is not {one.name!r} that {clip} was made with ({one.digest[:12]})" for one, name in pairs]
    return places | {one.name: name for one, name in pairs}, notes


def with_upscaler(recipe: Recipe, clip: Path, given: str | None) -> tuple[Recipe, list[str]]:
    """Return a recipe with its upscaler's file at its place here, and a note if it is not the same.

    Raises RecipeError where it is not given, or not needed.
    """
    named = recipe.named_upscaler
    if named is None and given is None:
        return recipe, []
    if given is None:
        raise RecipeError(f"{clip} was enlarged by an upscaler from outside, {named!r}: give its file with --upscaler")
    if named is None:
        raise RecipeError(f"{clip} has no use for upscaler {given!r}: leave it out")
    same = shared_file(given).rpartition("@")[2] == named.rpartition("@")[2]
    return recipe.with_upscaler(given), [] if same else [f"upscaler {given!r} is not {named!r} that enlarged {clip}"]
