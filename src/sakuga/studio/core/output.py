"""Output of a clip: its file, and the recipe inside."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Self

from sakuga.export import Written, check_target, write
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import MAX_RECIPE, Recipe
from sakuga.timeline.clip import Clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A file to write, and what to put into it."""

    path: Path
    recipe: bool = True
    """Whether the file carries its recipe."""
    max_size: int | None = None
    """The bytes that a GIF may have."""

    def check(self) -> Self:
        """Refuse what cannot be written; raises ExportError."""
        check_target(self.path, self.max_size)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """Wall-clock time by stage."""

    generation: float
    finishing: float
    export: float
    total: float

    @classmethod
    def since(cls, started: float, generated: float, finished: float) -> Self:
        """Read the clock for a file just written; arguments are `perf_counter` values."""
        now = perf_counter()
        return cls(generation=generated - started, finishing=finished - generated, export=now - finished, total=now - started)


def write_clip(clip: Clip, output: Output, recipe: Recipe | None) -> Generator[Step, None, Written]:
    """Write a clip with its recipe; raises ExportError.

    Notes say what was reduced to stay under `max_size`.
    """
    if recipe is None or not output.recipe:
        return (yield from write_with_recipe(clip, output, ""))
    if output.max_size:
        recipe = recipe.model_copy(update={"max_size": output.max_size})
    return (yield from write_with_recipe(clip, output, recipe.text()))


def write_with_recipe(clip: Clip, output: Output, recipe: str) -> Generator[Step, None, Written]:
    """Write a clip with the text of a recipe, "" for none.

    Raises ExportError.
    """
    yield Step(stage="export", total=1)
    if len(recipe) > MAX_RECIPE:
        yield Step(stage="export", note=f"the recipe has {len(recipe):,} characters, and files carry {MAX_RECIPE:,}: it is left out")
        recipe = ""
    written = write(replace(clip, recipe=recipe), output.path, output.max_size)
    yield Step(stage="export", done=1, total=1, note=" ".join(written.notes))
    return written
