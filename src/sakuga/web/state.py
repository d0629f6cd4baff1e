"""What the routes of one server share."""

from dataclasses import dataclass, field
from threading import Event
from typing import Annotated, TypeAlias

from fastapi import Depends, Request

from sakuga.rendering.store import FrameStore
from sakuga.web.data_folder import DataFolder
from sakuga.web.database import Database


@dataclass(frozen=True, slots=True, eq=False)
class StudioState:
    """The data folder, database and frame store of a server."""

    data: DataFolder
    database: Database
    store: FrameStore
    quota: int
    """Bytes that uploads, clips and frames may take together."""
    lanes: tuple[str, ...] = ("cpu",)
    """Names of the devices that worker processes run on."""
    stopping: Event = field(default_factory=Event)
    """Set when the server ends, so that event streams end."""


def studio_state(request: Request) -> StudioState:
    """Return the state of the app that serves a request."""
    state = request.app.state.studio
    assert isinstance(state, StudioState)
    return state


State: TypeAlias = Annotated[StudioState, Depends(studio_state)]
