"""X/Y/Z grids."""

from sakuga.web.schemas.base import Digest, Id, Record, Seed
from sakuga.web.schemas.jobs import Settings, State


class GridAxis(Record):
    """An option that changes along columns, rows or sheets."""

    name: str
    values: list[str]
    labels: list[str]


class GridCell(Record):
    """One image of a grid, with everything that it is made with."""

    number: int
    """Counted from 0: columns change fastest, then rows, then sheets."""
    labels: list[str]
    prompt: str
    seed: Seed
    settings: Settings
    digest: Digest | None = None
    """Its image, at `/frames/DIGEST`; None until it is generated."""


class GridSummary(Record):
    """A grid in a list; its id is that of its job."""

    id: Id
    title: str
    cells: int
    done: int
    cover: Digest | None = None
    created: float


class Grid(GridSummary):
    """A grid with its cells."""

    prompt: str
    seed: Seed
    settings: Settings
    axes: list[GridAxis]
    """Columns, rows, sheets."""
    images: list[GridCell]
    sheets: list[str]
    """Addresses of the labelled sheets; empty until every cell is generated."""
    state: State | None = None
    """Of its job; None where that was taken off the queue's list."""
