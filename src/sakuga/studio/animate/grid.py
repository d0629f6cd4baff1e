"""X/Y/Z grids: one prompt, with options that change along the axes, as a labelled sheet."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import numpy as np

from sakuga import InputError
from sakuga.export.image_files import write_image
from sakuga.files import write_atomic
from sakuga.finishing.image import Image
from sakuga.finishing.labelled_grid import labelled_grid
from sakuga.story.grid import Axis, Cell, grid_cells, pages, parse_axis
from sakuga.story.options import SEED
from sakuga.story.settings import FilmSettings, Precision
from sakuga.studio.animate.draw import DrawRequest, ResolvedDraw, draw_session, generate_images, resolve_draw
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.output import check_image
from sakuga.studio.core.progress import Step
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A written grid."""

    sheets: tuple[Path, ...]
    """One for each value of the third axis."""
    cells: int
    generated: int
    reused: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridStep(Step):
    """Progress of a grid; a cell is done where `cell` holds it."""

    cell: Image | None = None
    """(height, width, 3) uint8 of the cell that `done` counts last."""


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
    cells = [resolve_draw(_request(cell, store)) for cell in grid_cells(prompt, seed, settings or FilmSettings(), parsed)]
    return Work(_grid(parsed, cells, out))


def _request(cell: Cell, store: Path | None) -> DrawRequest:
    return DrawRequest(
        prompts=(cell.prompt,), out=None, images_per_prompt=1, seed=cell.seed, settings=cell.settings, init_image=None, control=None,
        store=store, recipe=False, preview=False, steps_gif=None,
    )  # fmt: skip


def _grid(axes: Sequence[Axis], cells: Sequence[ResolvedDraw], out: Path) -> Generator[Step, None, Grid]:
    images, generated, reused, began = list[Image](), 0, 0, monotonic()
    for number, (session, cell) in enumerate(zip(_sessions(cells), cells, strict=True)):
        work = Work(generate_images(cell, session))
        for step in work:
            share = (number + step.fraction * (step.stage == "rendering")) / len(cells)
            yield GridStep(
                stage="rendering",
                done=number,
                total=len(cells),
                note=step.note,
                frame=step.frame,
                share=share,
                seconds_left=_seconds_left(monotonic() - began, share),
                denoising=step.denoising,
            )
        made = work.result()
        images.append(np.asarray(made.images[0]))
        generated, reused = generated + made.count.generated, reused + made.count.reused
        left = _seconds_left(monotonic() - began, (number + 1) / len(cells))
        yield GridStep(stage="rendering", done=number + 1, total=len(cells), seconds_left=left, cell=images[-1])
    sheets = list[Path]()
    for number, page in enumerate(pages(axes, images)):
        path = out if len(axes) < 3 else out.with_stem(f"{out.stem}-{number + 1}")
        rows = axes[1].labels if len(axes) > 1 else ("",)
        title = axes[2].labels[number] if len(axes) > 2 else ""
        sheet = labelled_grid(page, axes[0].labels, rows, title)
        write_atomic(path, lambda draft, sheet=sheet: write_image(sheet, "", draft))  # type: ignore[misc]
        sheets.append(path)
    return Grid(sheets=tuple(sheets), cells=len(cells), generated=generated, reused=reused)


def _sessions(cells: Sequence[ResolvedDraw]) -> Iterator[RenderSession]:
    """Yield the session of each cell: one for all of the same checkpoint and precision, which is let go behind the last of them."""
    keys, kept = [cell.networks for cell in cells], dict[tuple[str, Precision], RenderSession]()
    for number, key in enumerate(keys):
        if key not in kept:
            alike = [cell for cell in cells if cell.networks == key]
            kept[key] = draw_session(alike)
            kept[key].expect(sum(settings.steps for cell in alike for settings in cell.settings.values()))
        yield kept[key]
        if key not in keys[number + 1 :]:
            kept.pop(key).close()


def _seconds_left(passed: float, share: float) -> float | None:
    """Estimate the seconds to the end from the share that is done; None before anything is."""
    return passed * (1 - share) / share if share > 0 else None
