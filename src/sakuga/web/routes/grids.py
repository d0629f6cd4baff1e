"""X/Y/Z grids."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse

from sakuga.story.film import Film, from_document
from sakuga.web.database import add_event
from sakuga.web.grids import grid_row, list_grids, read_grid, sheets_of
from sakuga.web.refusal import Refused
from sakuga.web.schemas import Grid, GridSummary, Id, Project
from sakuga.web.state import State
from sakuga.web.storyboards import add_project, read_project

router = APIRouter(tags=["grids"])

SECONDS = 3.0
"""Length of the shot that a cell becomes."""


@router.get("/grids")
def list_all_grids(state: State) -> list[GridSummary]:
    """List the grids, the newest first."""
    with state.database.read() as connection:
        return list_grids(connection)


@router.get("/grids/{grid}")
def read_one_grid(grid: Id, state: State) -> Grid:
    """Return a grid with its cells."""
    with state.database.read() as connection:
        return read_grid(connection, state.data, grid)


@router.delete("/grids/{grid}", status_code=204)
def delete_grid(grid: Id, state: State) -> None:
    """Delete a grid with its sheets; its images stay in the store."""
    with state.database.write() as connection:
        grid_row(connection, grid)
        connection.execute("DELETE FROM grids WHERE id = ?", (grid,))
        add_event(connection, "grid", grid, {"deleted": True})
    for sheet in sheets_of(state.data, grid):
        sheet.unlink(missing_ok=True)


@router.get("/grids/{grid}/sheets/{number}", response_class=FileResponse, responses={200: {"content": {"image/png": {}}}})
def grid_sheet(grid: Id, number: Annotated[int, Path(ge=1, le=400)], state: State) -> FileResponse:
    """Return a labelled sheet."""
    with state.database.read() as connection:
        title = grid_row(connection, grid)["title"]
    sheets = sheets_of(state.data, grid)
    if number > len(sheets):
        raise Refused(
            f"the grid {title!r} has {len(sheets)} sheets, and no {number}: they are written once every cell is there", "not_found"
        )
    return FileResponse(sheets[number - 1], media_type="image/png", filename=f"grid-{grid}-{number}.png", content_disposition_type="inline")


@router.post("/grids/{grid}/cells/{number}/film", status_code=201)
def begin_film(grid: Id, number: Annotated[int, Path(ge=0, le=399)], state: State) -> Project:
    """Begin a film with a cell: one shot with its prompt, seed and settings."""
    with state.database.write() as connection:
        found = read_grid(connection, state.data, grid)
        if number >= len(found.images):
            raise Refused(f"the grid has {len(found.images)} cells, and no {number}", "not_found")
        cell = found.images[number]
        shot = {"prompt": cell.prompt, "seconds": SECONDS, "seed": cell.seed}
        film: Film = from_document({"film": {"idea": cell.prompt, **cell.settings}, "shots": [shot]}, "this cell")
        name = add_project(connection, film, cell.prompt[:80])
        return read_project(connection, name)
