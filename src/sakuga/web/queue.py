"""The queue of jobs: rows in SQLite, changed by servers, workers and the command line."""

import json
import sqlite3
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sakuga.web.database import Database, add_event, new_id, now, packed
from sakuga.web.refusal import Refused, missing
from sakuga.web.schemas.jobs import NORMAL, Job, JobProgress, JobRequest, Queue

ENDED = ("done", "failed", "cancelled")
SHOWN = 50
"""Ended jobs that the queue lists."""
ATTEMPTS = 5
"""How often a job may end its worker process without a new frame before it counts as failed."""
ORDER = "priority DESC, position, created, id"
COLUMNS = tuple(Job.model_fields)
WITHOUT_FILM = ", ".join("json_remove(request, '$.film') AS request" if column == "request" else column for column in COLUMNS)


def job_of(row: sqlite3.Row) -> Job:
    """Read a row of all columns."""
    return _read(tuple(row[key] for key in COLUMNS))


def _read(row: tuple[Any, ...]) -> Job:
    values = dict(zip(COLUMNS, row, strict=True))
    for key in ("request", "progress", "notes", "result"):
        values[key] = None if values[key] is None else json.loads(values[key])
    return Job.model_validate(values)


_read_brief = lru_cache(maxsize=4096)(_read)
"""Reads a row without its film; most jobs of a queue stay as they are from one look to the next."""


def get_job(connection: sqlite3.Connection, name: str) -> Job:
    """Return a job; raises Refused."""
    row = connection.execute("SELECT * FROM jobs WHERE id = ?", (name,)).fetchone()
    if row is None:
        raise missing("job", name)
    return job_of(row)


def add_job(
    connection: sqlite3.Connection, request: JobRequest, *, title: str = "", priority: int = NORMAL, project: str | None = None
) -> Job:
    """Queue a job behind those of its priority."""
    last = connection.execute("SELECT max(position) FROM jobs WHERE priority = ?", (priority,)).fetchone()[0]
    name = new_id()
    connection.execute(
        "INSERT INTO jobs (id, kind, title, priority, position, request, project, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            name,
            request.kind,
            title or title_of(request),
            priority,
            (last or 0.0) + 1.0,
            packed(request.model_dump(mode="json")),
            project,
            now(),
        ),
    )
    return tell(connection, name)


def tell(connection: sqlite3.Connection, name: str) -> Job:
    """Send a job to every open page; returns it.

    Its film is left out, as progress is sent often and films are long.
    """
    job = get_job(connection, name)
    add_event(connection, "job", name, brief(job).model_dump(mode="json"))
    return job


def brief(job: Job) -> Job:
    """Return a job without its film."""
    return job.model_copy(update={"request": {key: value for key, value in job.request.items() if key != "film"}})


def title_of(request: JobRequest) -> str:
    """Return what a job is called: the words that it is made from, else its kind."""
    given = request.model_dump()
    film = given.get("film") or {}
    idea = film.get("film", {}).get("idea") if isinstance(film.get("film"), dict) else None
    prompts = ", ".join(given.get("prompts") or [])
    named = (given.get(key) for key in ("prompt", "name", "subject"))
    words = next(filter(None, (given.get("idea"), idea, prompts, *named)), "")
    return str(words)[:120].strip() or request.kind


def change_job(connection: sqlite3.Connection, name: str, changes: Mapping[str, Any], where: str = "1") -> bool:
    """Set columns of a job, if it is in a state that `where` allows; returns whether it was."""
    columns = ", ".join(f"{key} = ?" for key in changes)
    changed = connection.execute(f"UPDATE jobs SET {columns} WHERE id = ? AND {where}", (*changes.values(), name))
    return changed.rowcount == 1


def claim(database: Database, lane: str, above: int | None = None) -> Job | None:
    """Take the next job for a lane, or None; `above` is the priority that it must exceed."""
    with database.read() as connection:
        if _next(connection, above) is None:
            return None
    with database.write() as connection:
        row = _next(connection, above)
        if row is None:
            return None
        began = {"state": "running", "wanted": "", "lane": lane, "started": now(), "attempts": row["attempts"] + 1, "error": None}
        change_job(connection, row["id"], began)
        return tell(connection, row["id"])


def _next(connection: sqlite3.Connection, above: int | None) -> sqlite3.Row | None:
    if connection.execute("SELECT paused FROM queue").fetchone()[0]:
        return None
    least = -1000 if above is None else above + 1
    row = connection.execute(f"SELECT * FROM jobs WHERE state = 'queued' AND priority >= ? ORDER BY {ORDER} LIMIT 1", (least,)).fetchone()
    return row if isinstance(row, sqlite3.Row) else None


def recover(database: Database, lane: str) -> int:
    """Queue the jobs that a lane's killed worker left; those that killed it too often fail.

    Only the process that holds the lane's lock may call it. Returns how many there were.
    """
    with database.write() as connection:
        rows = connection.execute("SELECT * FROM jobs WHERE state = 'running' AND lane = ?", (lane,)).fetchall()
        for row in rows:
            change_job(connection, row["id"], _after_kill(row))
            tell(connection, row["id"])
    return len(rows)


def _after_kill(row: sqlite3.Row) -> dict[str, Any]:
    """Return the state of a job whose worker was killed."""
    if row["wanted"] == "cancel":
        return {"state": "cancelled", "wanted": "", "ended": now()}
    if row["wanted"] == "pause":
        return {"state": "paused", "wanted": ""}
    if row["attempts"] >= ATTEMPTS:
        reason = f"it ended its worker process {row['attempts']} times, perhaps for lack of memory: choose a smaller size, then retry"
        return {"state": "failed", "error": reason, "ended": now()}
    return {"state": "queued"}


def release(database: Database, name: str, state: str) -> None:
    """Let go of a job that was stopped: it waits, is paused, or is cancelled."""
    with database.write() as connection:
        row = connection.execute("SELECT attempts FROM jobs WHERE id = ?", (name,)).fetchone()
        changes: dict[str, Any] = {"state": state, "wanted": "", "attempts": max(0, row["attempts"] - 1)}
        change_job(connection, name, changes | ({"ended": now()} if state in ENDED else {}), "state = 'running'")
        _stop_after(connection)
        tell(connection, name)


def finish(connection: sqlite3.Connection, name: str, changes: Mapping[str, Any]) -> None:
    """End a job, in the transaction that stores its results."""
    change_job(connection, name, {**changes, "wanted": "", "ended": now()}, "state = 'running'")
    _stop_after(connection)
    tell(connection, name)


def _stop_after(connection: sqlite3.Connection) -> None:
    """Pause the queue if a person asked for that after the running job."""
    if connection.execute("UPDATE queue SET paused = 1, stop_after = 0 WHERE stop_after = 1").rowcount:
        tell_queue(connection)


def tell_queue(connection: sqlite3.Connection) -> None:
    """Send the state of the queue to every open page."""
    paused, stop_after = connection.execute("SELECT paused, stop_after FROM queue").fetchone()
    add_event(connection, "queue", "", {"paused": bool(paused), "stop_after": bool(stop_after)})


def report_progress(database: Database, name: str, progress: JobProgress, notes: list[str]) -> None:
    """Store how far a job is, and tell every open page."""
    with database.write() as connection:
        change_job(connection, name, {"progress": packed(progress.model_dump()), "notes": packed(notes)}, "state = 'running'")
        tell(connection, name)


def read_queue(connection: sqlite3.Connection, lanes: tuple[str, ...]) -> Queue:
    """Return the queue as it will run, and the newest ended jobs; their films are left out."""
    paused, stop_after = connection.execute("SELECT paused, stop_after FROM queue").fetchone()
    waiting = f"SELECT {WITHOUT_FILM} FROM jobs WHERE state NOT IN {ENDED} ORDER BY state != 'running', {ORDER}"
    ended = f"SELECT {WITHOUT_FILM} FROM jobs WHERE state IN {ENDED} ORDER BY ended DESC LIMIT {SHOWN}"
    jobs = [_read_brief(tuple(row)) for row in (*connection.execute(waiting), *connection.execute(ended))]
    return Queue(paused=bool(paused), stop_after=bool(stop_after), lanes=list(lanes), jobs=jobs)


def wanted(database: Database, name: str) -> str:
    """Return what a person wants of a running job: cancel, pause or nothing."""
    with database.read() as connection:
        row = connection.execute("SELECT wanted FROM jobs WHERE id = ?", (name,)).fetchone()
    return "cancel" if row is None else str(row[0])


def is_device_busy(database: Database) -> bool:
    """Return whether a job runs."""
    with database.read() as connection:
        return connection.execute("SELECT 1 FROM jobs WHERE state = 'running' LIMIT 1").fetchone() is not None


def stop(connection: sqlite3.Connection, name: str, wish: str) -> Job:
    """Cancel or pause a job: a waiting one at once, a running one at its next denoising step.

    Raises Refused for one that has ended.
    """
    job = get_job(connection, name)
    state = "cancelled" if wish == "cancel" else "paused"
    if job.state in ENDED and job.state != state:
        raise Refused(f"the job has ended already, it is {job.state}", "conflict")
    if job.state == "running":
        change_job(connection, name, {"wanted": wish})
    elif job.state in ("queued", "paused"):
        change_job(connection, name, {"state": state, "ended": now() if wish == "cancel" else None})
    return tell(connection, name)


def start_again(connection: sqlite3.Connection, name: str, states: tuple[str, ...], why_not: str) -> Job:
    """Queue a job that is in one of some states again; raises Refused."""
    job = get_job(connection, name)
    if job.state not in states:
        raise Refused(f"the job is {job.state}; {why_not}", "conflict")
    change_job(connection, name, {"state": "queued", "wanted": "", "attempts": 0, "error": None, "ended": None})
    return tell(connection, name)
