"""Styles, ControlNets and upscalers of recipes, found here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.studio.core.controlnets import given_control, network_digest
from sakuga.studio.core.recipe import Recipe, RecipeError, shared_file
from sakuga.timeline.spec import Digest


class Recorded(Protocol):
    """A file from outside, as a recipe records it."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...


Outside = TypeVar("Outside", bound=Recorded)


def match_by_digest(recorded: Sequence[Outside], given: Mapping[str, Digest]) -> tuple[dict[str, str], list[Outside], list[str]]:
    """Match recorded files with given ones, by digest.

    Returns the place of each that was found, by its name in the recipe; those that were not; and given ones that are not recorded.
    """
    by_digest = {digest: place for place, digest in given.items()}
    places = {one.name: by_digest[one.digest] for one in recorded if one.digest in by_digest}
    missing = [one for one in recorded if one.name not in places]
    return places, missing, [place for place in given if place not in places.values()]


def controlnet_places(recipe: Recipe, clip: Path, given: Sequence[str], files: CheckpointFiles) -> tuple[dict[str, str], list[str]]:
    """Find the place here of each ControlNet of a recipe.

    Returns notes for those that are not the same. Raises RecipeError for one that is not given, or not needed.
    """
    places, missing, spare = match_by_digest(recipe.controlnets, {text: network_digest(given_control(text), files) for text in given})
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
