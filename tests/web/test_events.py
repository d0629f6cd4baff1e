"""The event stream of the server."""

import asyncio
from pathlib import Path

import pytest

from sakuga.web.app import create_app
from sakuga.web.database import add_event
from sakuga.web.routes import events


def test_a_quiet_line_is_pinged_so_that_a_page_knows_that_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "KEEPALIVE", 0.2)
    state = create_app(tmp_path).state.studio
    with state.database.write() as connection:
        add_event(connection, "clip", "0" * 12)

    async def first(count: int) -> list[bytes]:
        stream = events._stream(state, 0)
        return [await anext(stream) for _ in range(count)]

    retry, clip, ping = asyncio.run(first(3))
    assert retry == b"retry: 500\n\n"
    assert b"event: clip" in clip
    assert b"event: ping" in ping
    assert b"id: 1" in ping, "a page that comes back goes on after the event before"
