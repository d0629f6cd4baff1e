"""X/Y/Z grids: one prompt, with options that change along the axes, as a labelled sheet."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sakuga import InputError
from sakuga.export.image_files import write_image
from sakuga.files import write_atomic
from sakuga.finishing.image import Image
from sakuga.finishing.labelled_grid import labelled_grid
from sakuga.story.grid import Axis, Cell, grid_cells, pages, parse_axis
from sakuga.story.options import SEED
from sakuga.story.settings import FilmSettings
from sakuga.studio.animate.draw import DrawRequest, draw, resolve_draw
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.output import check_image
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A written grid."""

    sheets: tuple[Path, ...]
    """One for each value of the third axis."""
    cells: int
    generated: int
    reused: int


@checked(seed=SEED)
def grid(
    prompt: str,
    axes: Sequence[str],
    out: Path,
    *,
    seed: int = 0,
    settings: FilmSettings | None = None,
    store: Path | None = None,
) -> Work[Step, Grid]:
    """Generate a prompt with every combination of options, as a labelled sheet.

    `axes` are up to three, such as "steps=10,20": columns, rows, sheets. All cells have one seed unless an axis changes it, and are kept
    in the store as any image. Raises SakugaError for what cannot be generated, before anything is.
    """
    if not 1 <= len(axes) <= 3:
        raise InputError(f"a grid has one to three axes, and these are {len(axes)}: give --x, --y and --z")
    if out.suffix.lower() != ".png":
        raise InputError(f"{out}: a grid is written as .png")
    check_image(out)
    parsed = [parse_axis(text) for text in axes]
    cells = grid_cells(prompt, seed, settings or FilmSettings(), parsed)
    for cell in cells:
        resolve_draw(_request(cell, store))
    return Work(_grid(parsed, cells, out, store))


def _request(cell: Cell, store: Path | None) -> DrawRequest:
    return DrawRequest(
        prompts=(cell.prompt,), out=None, images_per_prompt=1, seed=cell.seed, settings=cell.settings, init_image=None, control=None,
        store=store, recipe=False, preview=False, steps_gif=None,
    )  # fmt: skip


def _grid(axes: Sequence[Axis], cells: Sequence[Cell], out: Path, store: Path | None) -> Generator[Step, None, Grid]:
    images, generated, reused = list[Image](), 0, 0
    for number, cell in enumerate(cells):
        made = draw(cell.prompt, seed=cell.seed, settings=cell.settings, recipe=False, store=store).result()
        images.append(np.asarray(made.images[0]))
        generated, reused = generated + made.count.generated, reused + made.count.reused
        yield Step(stage="rendering", done=number + 1, total=len(cells))
    sheets, start = list[Path](), 0
    for number, page in enumerate(pages(axes, cells)):
        path = out if len(axes) < 3 else out.with_stem(f"{out.stem}-{number + 1}")
        rows = axes[1].labels if len(axes) > 1 else ("",)
        title = axes[2].labels[number] if len(axes) > 2 else ""
        sheet = labelled_grid(images[start : start + len(page)], axes[0].labels, rows, title)
        write_atomic(path, lambda draft, sheet=sheet: write_image(sheet, "", draft))  # type: ignore[misc]
        sheets.append(path)
        start += len(page)
    return Grid(sheets=tuple(sheets), cells=len(cells), generated=generated, reused=reused)
