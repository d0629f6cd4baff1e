"""The studio's web application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from sakuga import __version__
from sakuga.event_log import is_on
from sakuga.rendering.store import FrameStore
from sakuga.web.data_folder import DataFolder
from sakuga.web.database import Database
from sakuga.web.errors import add_error_handlers
from sakuga.web.limits import BodyLimit
from sakuga.web.live_sessions import LiveSessions
from sakuga.web.logs import RequestLog
from sakuga.web.routes import (
    choose,
    clips,
    events,
    frames,
    grids,
    jobs,
    library,
    meta,
    metrics,
    pages,
    projects,
    sets,
    shots,
    studies,
    styles,
    takes,
    timeline,
    training,
    uploads,
)
from sakuga.web.schemas.base import ErrorAnswer
from sakuga.web.security import Access, Guard
from sakuga.web.state import StudioState

API = "/api/v1"
QUOTA = 20 << 30
"""Bytes that uploads, clips and frames may take together by default."""
REFUSALS = {status: {"model": ErrorAnswer} for status in (401, 403, 404, 409, 413, 422, 429, 500, 507)}


def create_app(data: Path, access: Access | None = None, *, quota: int = QUOTA, lanes: tuple[str, ...] = ("cpu",)) -> FastAPI:
    """Return the application for a data folder; its database is brought to this version.

    Raises StudioError where the folder cannot be used.
    """
    folder = DataFolder(data)
    folder.create()
    database = Database(folder.database)
    database.migrate()
    state = StudioState(data=folder, database=database, store=FrameStore(folder.frames), quota=quota, lanes=lanes)
    access = access or Access()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        state.stopping.set()
        app.state.live_sessions.close()

    app = FastAPI(
        title="sakuga studio",
        version=__version__,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=REFUSALS,  # type: ignore[arg-type]
        generate_unique_id_function=operation_name,
    )
    app.state.studio, app.state.access = state, access
    app.state.live_sessions = LiveSessions(folder, database)
    add_error_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Guard, access=access)
    if is_on():
        app.add_middleware(RequestLog)
    for router in (meta.router, events.router, *page_routers(), frames.api, jobs.router, uploads.router):
        app.include_router(router, prefix=API)
    app.include_router(frames.router)
    app.include_router(metrics.router)
    app.include_router(pages.router)
    return app


def page_routers() -> list[APIRouter]:
    """Return the routers of every page."""
    chosen = (projects, shots, takes, choose, clips, timeline, grids, library, styles, sets, training, studies)
    return [page.router for page in chosen]


def operation_name(route: APIRoute) -> str:
    """Return the name of an operation in the schema: that of its function."""
    return route.name
