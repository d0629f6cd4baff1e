"""The frames of a clip in time, as its recipe lays them out."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeAlias, assert_never

from sakuga.datasets.clips import keep_first, read_clip
from sakuga.export import read_recipe
from sakuga.studio.animate.morph import MorphRecipe
from sakuga.studio.animate.recipe_reading import parse_recipe
from sakuga.studio.animate.redo import uneditable
from sakuga.studio.animate.remake import Supplied, keep_images, resolve_remake
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.recipe import EditedRecipe, LaidOut, Recipe, RecipeError
from sakuga.timeline.edits import speed_of
from sakuga.timeline.spec import CameraFrame, Digest, FrameSpec, Generated, Given, InBetween, MotionFrame
from sakuga.timeline.timing import exposure_counts, ping_pong

FrameKind: TypeAlias = Literal["generated", "motion", "in_between", "given", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFrame:
    """One frame of a clip, in its place."""

    frame: int
    """Counted from 1."""
    start: Fraction
    """Seconds from the start of the clip, exactly."""
    kind: FrameKind
    digest: Digest | None = None
    """Its name; None where the recipe is unknown."""
    held: bool = False
    """Whether it repeats the frame before."""
    redone: bool = False
    """Whether the recipe has generated it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTimeline:
    """A clip's frames in time, and what can be done with them."""

    rate: Fraction
    """Frames per second."""
    frames: tuple[ClipFrame, ...]
    recipe: EditedRecipe | None
    """None where frames cannot be edited."""
    reason: str = ""
    """Why not, in one sentence."""


@checked()
def clip_timeline(
    clip: Path | str,
    *,
    model: str | None = None,
    images: Sequence[Path] = (),
    styles: Sequence[str] = (),
    store: Path | None = None,
) -> ClipTimeline:
    """Return the frames of a clip in time; nothing is generated.

    A clip without a recipe that can be followed here has frames too, with a reason why they cannot be edited. Raises InputError for a
    file that is no clip.
    """
    path = Path(clip)
    try:
        recipe = _recipe(path)
        resolved = resolve_remake(recipe, path, Path("clip.gif"), Supplied(model=model, images=images, styles=styles), store)
        assert isinstance(resolved.recipe, EditedRecipe)
        plain = resolved.recipe.laid_out(resolved.files, keep_images(resolved, path))
    except RecipeError as error:
        return _without_recipe(path, str(error))
    return _of_recipe(resolved.recipe, plain)


def _recipe(path: Path) -> EditedRecipe:
    text = read_recipe(path)
    recipe: Recipe | None = parse_recipe(text, str(path)) if text else None
    if recipe is None:
        raise RecipeError(f"{path} carries no recipe: it was not made by sakuga, or another program removed it")
    if not isinstance(recipe, EditedRecipe):
        raise RecipeError(f"{path} is {uneditable(recipe)}, so its frames cannot be edited")
    return recipe


def _of_recipe(recipe: EditedRecipe, plain: LaidOut) -> ClipTimeline:
    sheet = recipe.edited(plain.sheet, plain.uses, plain.settings.weighting)
    shown = ping_pong(sheet.exposures) if isinstance(recipe, MorphRecipe) and recipe.ping_pong else list(sheet.exposures)
    rate, old = plain.settings.fps * speed_of(recipe.edits), frozenset(plain.sheet.specs)
    frames = tuple(
        ClipFrame(
            frame=place + 1,
            start=place / rate,
            kind=_kind(sheet.specs[name]),
            digest=name,
            held=place > 0 and shown[place - 1] == name,
            redone=name not in old and isinstance(sheet.specs[name], Generated),
        )
        for place, name in enumerate(shown)
    )
    return ClipTimeline(rate=rate, frames=frames, recipe=recipe)


def _without_recipe(path: Path, reason: str) -> ClipTimeline:
    loaded = read_clip(path, keep_first)
    rate, counts = exposure_counts(loaded.seconds)
    held = [place > 0 for count in counts for place in range(count)]
    frames = (ClipFrame(frame=place + 1, start=place / rate, kind="unknown", held=repeats) for place, repeats in enumerate(held))
    return ClipTimeline(rate=rate, frames=tuple(frames), recipe=None, reason=reason)


def _kind(spec: FrameSpec) -> FrameKind:
    match spec:
        case Generated():
            return "generated"
        case MotionFrame() | CameraFrame():
            return "motion"
        case InBetween():
            return "in_between"
        case Given():
            return "given"
        case _:
            assert_never(spec)
