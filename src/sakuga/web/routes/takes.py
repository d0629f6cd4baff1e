"""Takes: keyframes of a shot to choose from."""

import json
import sqlite3
from random import SystemRandom

from fastapi import APIRouter

from sakuga.web.database import add_event, new_id, now, packed
from sakuga.web.queue import add_job
from sakuga.web.refusal import Refused, missing
from sakuga.web.schemas import Id, Job, NewTakes, Project, Take
from sakuga.web.schemas.jobs import URGENT, TakesJob
from sakuga.web.state import State
from sakuga.web.storage import check_room
from sakuga.web.storyboards import document_of, fingerprint, read_project, read_shot, shot_row, take_of, touch
from sakuga.web.tasks import check_request

router = APIRouter(tags=["storyboard"])


@router.get("/shots/{shot}/takes")
def list_takes(shot: Id, state: State) -> list[Take]:
    """List a shot's takes, best first."""
    with state.database.read() as connection:
        return read_shot(connection, shot).takes


@router.post("/shots/{shot}/takes", status_code=201)
def create_takes(shot: Id, new: NewTakes, state: State) -> Job:
    """Queue takes of a shot with other seeds; the shot's own seed comes first."""
    with state.database.read() as connection:
        row = shot_row(connection, shot)
        project, index = str(row["project"]), int(row["position"])
        document = document_of(connection, project)
        seeds = new.seeds or _seeds(connection, row, new.count)
        request = TakesJob(film=document, shot=index, seeds=seeds, preview=new.quality == "preview", project=project, shot_id=shot)
        check_request(request, state.data, connection)
    check_room(state.data, 0, state.quota)
    with state.database.write() as connection:
        shot_row(connection, shot)
        job = add_job(connection, request, title=f"takes of shot {index + 1}", priority=URGENT, project=project)
        mark = fingerprint(document, index)
        for seed in seeds:
            _add_take(connection, shot, seed, new.quality, mark, job.id)
        return job


def _add_take(connection: sqlite3.Connection, shot: str, seed: int, quality: str, mark: str, job: str) -> None:
    name = new_id()
    connection.execute(
        "INSERT INTO takes (id, shot, seed, quality, fingerprint, job, created) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (name, shot, seed, quality, mark, job, now()),
    )
    row = connection.execute("SELECT * FROM takes WHERE id = ?", (name,)).fetchone()
    add_event(connection, "take", name, take_of(row, mark, None).model_dump(mode="json"))


def _seeds(connection: sqlite3.Connection, row: sqlite3.Row, count: int) -> list[int]:
    """Return seeds that the shot has no take of; a locked seed stays the only one."""
    own = int(json.loads(row["fields"])["seed"])
    used = {take["seed"] for take in connection.execute("SELECT seed FROM takes WHERE shot = ?", (row["id"],))}
    first = [own] if own not in used or row["seed_locked"] else []
    fresh = (SystemRandom().randrange(2**31) for _ in range(1000))
    return [*first, *(seed for seed in fresh if seed not in used)][: 1 if row["seed_locked"] else count]


def _take(connection: sqlite3.Connection, take: str) -> sqlite3.Row:
    row = connection.execute(
        "SELECT takes.*, shots.project FROM takes JOIN shots ON shots.id = takes.shot WHERE takes.id = ?", (take,)
    ).fetchone()
    if row is None:
        raise missing("take", take)
    assert isinstance(row, sqlite3.Row)
    return row


@router.post("/takes/{take}/approve")
def approve_take(take: Id, state: State) -> Project:
    """Approve a keyframe: the shot takes its seed, which is locked."""
    with state.database.write() as connection:
        row = _take(connection, take)
        if row["frame"] is None:
            raise Refused("this take is not generated yet: wait for it", "conflict")
        fields = json.loads(shot_row(connection, row["shot"])["fields"]) | {"seed": row["seed"]}
        connection.execute("UPDATE shots SET approved = ?, seed_locked = 1, fields = ? WHERE id = ?", (take, packed(fields), row["shot"]))
        touch(connection, row["project"])
        return read_project(connection, row["project"])


@router.delete("/takes/{take}/approve")
def withdraw_approval(take: Id, state: State) -> Project:
    """Take an approval back; the seed stays, unlocked."""
    with state.database.write() as connection:
        row = _take(connection, take)
        connection.execute("UPDATE shots SET approved = NULL, seed_locked = 0 WHERE id = ? AND approved = ?", (row["shot"], take))
        touch(connection, row["project"])
        return read_project(connection, row["project"])


@router.delete("/takes/{take}", status_code=204)
def delete_take(take: Id, state: State) -> None:
    """Discard a take."""
    with state.database.write() as connection:
        row = _take(connection, take)
        connection.execute("DELETE FROM takes WHERE id = ?", (take,))
        add_event(connection, "take", take, {"id": take, "shot": row["shot"], "deleted": True})
