"""The event stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse

from sakuga.web.schemas import Event
from sakuga.web.state import State, StudioState

router = APIRouter(tags=["events"])

EVERY = 0.1
"""Seconds between two looks for new events."""
KEEPALIVE = 15.0
"""Seconds without an event after which a ping says that the line holds."""
AT_ONCE = 500


class EventStream(StreamingResponse):
    """A stream of server-sent events."""

    media_type = "text/event-stream"


@router.get("/events", response_class=EventStream, responses={200: {"model": Event, "description": "One Event after the other."}})
async def events(
    state: State,
    after: Annotated[int | None, Query(ge=0, le=2**53, description="Go on after this event.")] = None,
    last_event_id: Annotated[str, Header()] = "",
) -> EventStream:
    """Stream what happens, from the event after `Last-Event-ID`, `after`, or from now on."""
    known = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 16 else after
    return EventStream(_stream(state, known), headers={"cache-control": "no-store", "x-accel-buffering": "no"})


async def _stream(state: StudioState, known: int | None) -> AsyncIterator[bytes]:
    """Yield events; `reset` where those after `known` are no longer kept."""
    first, last = _kept(state)
    yield b"retry: 500\n\n"
    if known is not None and not first - 1 <= known <= last:
        yield _message(Event(id=last, kind="reset"))
        known = None
    known, quiet = last if known is None else known, 0.0
    while not state.stopping.is_set():
        found = _after(state, known)
        for event in found:
            yield _message(event)
            known = event.id
        quiet = 0.0 if found else quiet + EVERY
        if quiet >= KEEPALIVE:
            yield _message(Event(id=known, kind="ping"))
            quiet = 0.0
        if len(found) < AT_ONCE:
            await asyncio.sleep(EVERY)


def _kept(state: StudioState) -> tuple[int, int]:
    with state.database.read() as connection:
        first, last = connection.execute("SELECT min(id), max(id) FROM events").fetchone()
        issued = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    last = last or (issued[0] if issued else 0)
    return first or last + 1, last


def last_event(state: StudioState) -> int:
    """Return the number of the newest event."""
    return _kept(state)[1]


def _after(state: StudioState, known: int) -> list[Event]:
    with state.database.read() as connection:
        rows = connection.execute("SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", (known, AT_ONCE)).fetchall()
    return [Event(id=row["id"], kind=row["kind"], subject=row["subject"], data=json.loads(row["data"])) for row in rows]


def _message(event: Event) -> bytes:
    return format_sse_event(data_str=event.model_dump_json(), event=event.kind, id=str(event.id))
