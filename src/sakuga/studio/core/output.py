"""Output of a clip: its file, and the recipe inside."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Self

from sakuga.datasets.folders import SUFFIXES
from sakuga.export import ExportError, FrameStream, Written, check_folder, check_name, check_target, holds_16_bits, write_stream
from sakuga.rendering.store import open_store
from sakuga.studio.core.progress import Step
from sakuga.studio.core.recipe import MAX_RECIPE, Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A file to write, and what to put into it."""

    path: Path
    recipe: bool = True
    """Whether the file carries its recipe."""
    max_size: int | None = None
    """The bytes that a GIF may have."""
    bits: int = 8
    """Bits a channel of numbered PNG images: 8 or 16."""

    def check(self) -> Self:
        """Refuse what cannot be written; raises ExportError."""
        check_target(self.path, self.max_size)
        if self.bits != 8 and not holds_16_bits(self.path):
            raise ExportError(
                f"{self.path.name} cannot hold {self.bits} bits a channel: write name.%04d.png or a folder, or leave --bits out"
            )
        return self

    @property
    def is_deep(self) -> bool:
        """Whether images are finished without rounding to 8 bits: 16-bit PNG, and EXR."""
        return self.bits == 16 or self.path.suffix.lower() == ".exr"


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


def check_store(store: Path | None) -> None:
    """Refuse a frame store that cannot be made, or a URL that cannot be written to; raises InputError.

    One that exists may be read only, as it may hold every frame.
    """
    opened = open_store(store)
    if opened.remote:
        opened.remote.check()
    elif not opened.root.is_dir():
        check_folder(opened.root)


def check_set_folder(folder: Path) -> None:
    """Check that a training set can be written as a new folder; raises ExportError, SetError."""
    from sakuga.datasets.writing import check_new_set

    check_name(folder)
    check_folder(folder.parent)
    check_new_set(folder)


def check_image(path: Path) -> None:
    """Check that an image of any common format can be written; raises ExportError."""
    check_name(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ExportError(f"{path} is one image: end its name with {', '.join(SUFFIXES)}")
    if path.is_dir():
        raise ExportError(f"{path} is a folder: name a file in it")
    check_folder(path.parent)


def check_not_source(out: Path, source: Path) -> None:
    """Refuse to write over what is read; raises ExportError."""
    if out.exists() and source.exists() and out.samefile(source):
        raise ExportError(f"{out} would be replaced by a copy of itself: choose another name")


def write_clip(clip: FrameStream, output: Output, recipe: Recipe | None) -> Generator[Step, None, Written]:
    """Write a clip with its recipe; raises ExportError.

    Notes say what was reduced to stay under `max_size`.
    """
    if recipe is None or not output.recipe:
        return (yield from write_with_recipe(clip, output, ""))
    if output.max_size:
        recipe = recipe.model_copy(update={"max_size": output.max_size})
    return (yield from write_with_recipe(clip, output, recipe.text()))


def write_with_recipe(clip: FrameStream, output: Output, recipe: str) -> Generator[Step, None, Written]:
    """Write a clip with the text of a recipe, "" for none.

    Raises ExportError.
    """
    yield Step(stage="export", total=1)
    if len(recipe) > MAX_RECIPE:
        yield Step(stage="export", note=f"the recipe has {len(recipe):,} characters, and files carry {MAX_RECIPE:,}: it is left out")
        recipe = ""
    written = write_stream(replace(clip, recipe=recipe), output.path, output.max_size)
    yield Step(stage="export", done=1, total=1, note=" ".join(written.notes))
    return written
