"""X/Y/Z grids as rows; a grid has the id of its job, and stays when the job leaves the list."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from sakuga.story.grid import Axis, Cell, grid_cells, parse_axis
from sakuga.story.settings import OPTIONS
from sakuga.web.data_folder import DataFolder
from sakuga.web.database import add_event, now, packed
from sakuga.web.refusal import missing
from sakuga.web.schemas.grids import Grid, GridAxis, GridCell, GridSummary
from sakuga.web.schemas.jobs import GridJob, Job
from sakuga.web.task import read_settings


def add_grid(connection: sqlite3.Connection, job: Job) -> None:
    """Add the grid of a job."""
    insert = "INSERT INTO grids (id, title, request, created) VALUES (?, ?, ?, ?)"
    connection.execute(insert, (job.id, job.title, packed(job.request), now()))
    add_event(connection, "grid", job.id)


def add_cell(connection: sqlite3.Connection, grid: str, number: int, digest: str) -> None:
    """Store a cell's image."""
    insert = "INSERT OR REPLACE INTO grid_cells (grid, number, digest) SELECT id, ?, ? FROM grids WHERE id = ?"
    connection.execute(insert, (number, digest, grid))
    add_event(connection, "grid", grid, {"number": number, "digest": digest})


def axes_of(request: GridJob) -> list[Axis]:
    """Read the axes of a request; raises SettingsError."""
    return [parse_axis(text) for text in request.axes]


def cells_of(request: GridJob) -> tuple[Cell, ...]:
    """Return the cells of a request, columns changing fastest; raises SettingsError."""
    return grid_cells(request.prompt, request.seed, read_settings(request.settings), axes_of(request))


def grid_row(connection: sqlite3.Connection, grid: str) -> sqlite3.Row:
    """Return a grid's row; raises Refused."""
    row = connection.execute("SELECT * FROM grids WHERE id = ?", (grid,)).fetchone()
    if row is None:
        raise missing("grid", grid)
    assert isinstance(row, sqlite3.Row)
    return row


def list_grids(connection: sqlite3.Connection) -> list[GridSummary]:
    """Return the grids, the newest first."""
    rows = connection.execute("SELECT * FROM grids ORDER BY created DESC LIMIT 500").fetchall()
    return [GridSummary(**_summary(connection, row)) for row in rows]


def read_grid(connection: sqlite3.Connection, data: DataFolder, name: str) -> Grid:
    """Return a grid with its cells; raises Refused."""
    row = grid_row(connection, name)
    request = _request(row)
    found = dict(connection.execute("SELECT number, digest FROM grid_cells WHERE grid = ?", (name,)).fetchall())
    job = connection.execute("SELECT state FROM jobs WHERE id = ?", (name,)).fetchone()
    axes = axes_of(request)
    return Grid(
        **_summary(connection, row),
        prompt=request.prompt,
        seed=request.seed,
        settings=request.settings,
        axes=[GridAxis(name=axis.name, values=list(axis.values), labels=list(axis.labels)) for axis in axes],
        images=[_cell(request, axes, number, cell, found.get(number)) for number, cell in enumerate(cells_of(request))],
        sheets=[f"/api/v1/grids/{name}/sheets/{number}" for number, _ in enumerate(sheets_of(data, name), 1)],
        state=job and job["state"],
    )


def sheets_of(data: DataFolder, grid: str) -> list[Path]:
    """Return the written sheets of a grid, in order."""
    several = sorted(data.grids.glob(f"{grid}-*.png"), key=lambda path: int(path.stem.rpartition("-")[2]))
    return several or list(data.grids.glob(f"{grid}.png"))


def _request(row: sqlite3.Row) -> GridJob:
    return GridJob.model_validate_json(row["request"])


def _summary(connection: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    done, cover = connection.execute("SELECT count(*), min(digest) FROM grid_cells WHERE grid = ?", (row["id"],)).fetchone()
    cells = 1
    for axis in axes_of(_request(row)):
        cells *= len(axis.values)
    return {"id": row["id"], "title": row["title"], "cells": cells, "done": done, "cover": cover, "created": row["created"]}


def _cell(request: GridJob, axes: list[Axis], number: int, cell: Cell, digest: str | None) -> GridCell:
    labels, rest = list[str](), number
    for axis in axes:
        rest, place = divmod(rest, len(axis.values))
        labels.append(axis.labels[place])
    own = {axis.name: OPTIONS[axis.name].write(getattr(cell.settings, axis.name)) for axis in axes if axis.name in OPTIONS}
    settings = json.loads(packed({**request.settings, **own}))
    return GridCell(number=number, labels=labels, prompt=cell.prompt, seed=cell.seed, settings=settings, digest=digest)
