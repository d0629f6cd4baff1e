"""What a worker tells of a running job, without a server."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work
from sakuga.web import queue, worker
from sakuga.web.data_folder import DataFolder
from sakuga.web.database import Database
from sakuga.web.schemas import DrawJob
from sakuga.web.task import Made, Task


def rendered(*devices: str) -> Generator[Step, None, None]:
    """Yield a step for each frame: where it was rendered, or "" for one that was in the store."""
    for number, device in enumerate(devices, 1):
        yield Step(stage="rendering", done=number, total=len(devices), frame=f"{number:064x}", device=device)


def progress_of(database: Database, job: str) -> list[dict[str, Any]]:
    """Return the progress of a running job as pages heard of it, oldest first."""
    with database.read() as connection:
        rows = connection.execute("SELECT data FROM events WHERE kind = 'job' AND subject = ? ORDER BY id", (job,)).fetchall()
    heard = [json.loads(row["data"]) for row in rows]
    return [one["progress"] for one in heard if one["state"] == "running" and one["progress"]["total"]]


def test_frames_are_counted_by_the_device_that_rendered_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataFolder(tmp_path)
    data.create()
    database = Database(data.database)
    database.migrate()
    with database.write() as connection:
        queue.add_job(connection, DrawJob(prompts=["a castle"]))
    job = queue.claim(database, "cpu")
    assert job
    frames = rendered("node1 cuda", "node2 cuda", "", "node1 cuda", "node1 cuda")
    monkeypatch.setattr(worker, "make_task", lambda *_: Task(work=Work(frames), made=lambda _: Made(values={})))
    monkeypatch.setattr(worker, "TOLD", 0.0)
    worker.Worker(data, "cpu").run(job)
    heard = [{one["name"]: one["frames"] for one in progress["devices"]} for progress in progress_of(database, job.id)]
    assert heard == [
        {"node1 cuda": 1},
        {"node1 cuda": 1, "node2 cuda": 1},
        {"node1 cuda": 1, "node2 cuda": 1},
        {"node1 cuda": 2, "node2 cuda": 1},
        {"node1 cuda": 3, "node2 cuda": 1},
    ]
    newest = {one["name"]: one["newest"] for one in progress_of(database, job.id)[-1]["devices"]}
    assert newest["node1 cuda"] > newest["node2 cuda"]
    with database.read() as connection:
        assert queue.get_job(connection, job.id).state == "done"
