"""Servers and workers that are killed: nothing is lost, nothing is done twice."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from sakuga import studio as verbs
from sakuga.story.film import from_document
from sakuga.web.schemas import RenderJob
from tests.web.conftest import StudioProcess, is_worker, wait_for


def stored(home: Path) -> dict[str, int]:
    """Return the frames of a store, with the time when each was written."""
    return {path.stem: path.stat().st_mtime_ns for path in (home / "frames").glob("??/*.png")}


@pytest.mark.parametrize("victim", ["worker", "server"])
def test_a_render_goes_on_after_kills_and_makes_the_same_clip(own_studio: StudioProcess, tmp_path: Path, victim: str) -> None:
    own_studio.start()
    settings: dict[str, Any] = {**own_studio.settings, "keyframe_rate": 6, "steps": 8}
    film = {"film": settings, "shots": [{"prompt": "a castle", "seconds": 6.0, "seed": 3, "transition": "cut"}]}
    with own_studio.client() as client:
        job = client.submit(RenderJob(film=film))
    seen: dict[str, int] = {}
    for goal in (3, 14):
        wait_for(lambda goal=goal: len(stored(own_studio.home)) >= goal, f"{goal} frames")
        worker = own_studio.worker()
        if victim == "worker":
            os.kill(worker, signal.SIGKILL)
        else:
            own_studio.kill()
            wait_for(lambda worker=worker: not is_worker(worker), "an end of the worker whose server is gone")
            own_studio.start()
        now = stored(own_studio.home)
        assert {name: now[name] for name in seen} == seen, "a stored frame was generated again"
        seen = now
    with own_studio.client() as client:
        ended = client.wait(job.id)
        assert ended.state == "done", ended.error
        assert len(client.clips()) == 1
        clip = client.download(job.id, tmp_path / "clip.gif")
    now = stored(own_studio.home)
    assert {name: now[name] for name in seen} == seen
    verbs.render(from_document(film, "film"), tmp_path / "alone.gif", store=tmp_path / "store").result()
    assert clip.read_bytes() == (tmp_path / "alone.gif").read_bytes()
    assert set(now) == {path.stem for path in (tmp_path / "store").glob("??/*.png")}


def test_a_second_server_and_a_used_port_are_refused_in_a_sentence(studio_process: StudioProcess, tmp_path: Path) -> None:
    port = studio_process.address.rpartition(":")[2]
    second = StudioProcess(studio_process.home)
    second.log = tmp_path / "second.log"
    with pytest.raises(AssertionError, match="already serves"):
        second.start()
    (tmp_path / "other").mkdir()
    third = StudioProcess(tmp_path / "other", "--port", port)
    with pytest.raises(AssertionError, match=f"port {port} is in use"):
        third.start()
    for process in (second, third):
        assert process.process
        assert process.process.returncode == 2


def test_ctrl_c_lets_the_running_job_wait_for_the_next_start(own_studio: StudioProcess) -> None:
    own_studio.start()
    film = {"film": {**own_studio.settings, "keyframe_rate": 6, "steps": 20}, "shots": [{"prompt": "a castle", "seconds": 60.0, "seed": 3}]}
    with own_studio.client() as client:
        job = client.submit(RenderJob(film=film))
        wait_for(lambda: client.job(job.id).progress.done >= 1, "a frame")
    worker = own_studio.worker()
    own_studio.stop()
    assert not is_worker(worker)
    own_studio.start()
    with own_studio.client() as client:
        assert client.job(job.id).state in ("queued", "running")
        client.cancel(job.id)
