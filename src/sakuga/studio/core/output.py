"""The last step of whatever makes a clip: its recipe goes in, and it becomes a file."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from sakuga.export import Written, write
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import LONGEST, Recipe
from sakuga.timeline.clip import Clip


def deliver(clip: Clip, out: Path, recipe: Recipe | None = None, max_size: int | None = None) -> Generator[Step, None, Written]:
    """Write a clip with its recipe; what is lowered to stay under `max_size` bytes is told. Raises ExportError."""
    yield Step(stage="export", total=1)
    if recipe and max_size:
        recipe = recipe.model_copy(update={"max_size": max_size})
    text = recipe.text() if recipe else ""
    if len(text) > LONGEST:
        yield Step(stage="export", note=f"the recipe has {len(text):,} characters, and files carry {LONGEST:,}: it is left out")
        text = ""
    written = write(replace(clip, recipe=text), out, max_size)
    yield Step(stage="export", done=1, total=1, note=" ".join(written.notes))
    return written
