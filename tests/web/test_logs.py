"""The structured log of the server and its workers."""

import json

import pytest

from sakuga.web.schemas import DrawJob
from tests.web.conftest import StudioProcess


def test_each_line_is_an_event_from_start_to_end_and_none_holds_the_token(
    own_studio: StudioProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAKUGA_LOG", "json")
    own_studio.start()
    with own_studio.client() as studio:
        job = studio.wait(studio.submit(DrawJob(prompts=["a castle"], settings=own_studio.settings)).id)
        studio.status()
    own_studio.stop()
    lines = [line for line in own_studio.log.read_text().splitlines() if not line.startswith("the studio is at ")]
    events = [json.loads(line) for line in lines]
    named = {event["event"]: event for event in events}
    assert {"server.started", "worker.started", "request", "job.started", "job.done", "worker.ended", "server.stopped"} <= named.keys()
    assert named["job.done"]["job"] == job.id
    assert all(event["time"].endswith("+00:00") for event in events)
    assert any(event.get("path") == "/api/v1/status" and event["status"] == 200 for event in events)
