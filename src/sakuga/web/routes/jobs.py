"""Jobs and the queue."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from sakuga.web.database import add_event
from sakuga.web.grids import add_grid
from sakuga.web.queue import (
    ENDED,
    add_job,
    change_job,
    get_job,
    job_of,
    read_queue,
    start_again,
    stop,
    tell,
    tell_queue,
)
from sakuga.web.refusal import Refused, missing
from sakuga.web.schemas import Id, Job, JobChange, NewJob, Queue, QueueChange
from sakuga.web.schemas.jobs import GridJob, RenderJob
from sakuga.web.schemas.jobs import State as JobState
from sakuga.web.state import State
from sakuga.web.storage import check_room
from sakuga.web.tasks import check_request

router = APIRouter(tags=["jobs"])


@router.get("/queue")
def read_whole_queue(state: State) -> Queue:
    """Return all jobs in the order in which they run."""
    with state.database.read() as connection:
        return read_queue(connection, state.lanes)


@router.patch("/queue")
def change_queue(change: QueueChange, state: State) -> Queue:
    """Pause the queue, go on, or let it pause after the running job."""
    with state.database.write() as connection:
        for name, value in change.model_dump(exclude_none=True).items():
            connection.execute(f"UPDATE queue SET {name} = ?", (int(value),))
        tell_queue(connection)
    return read_whole_queue(state)


@router.get("/jobs")
def list_jobs(
    state: State, of: Annotated[JobState | None, Query(alias="state")] = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[Job]:
    """List jobs, the newest first."""
    with state.database.read() as connection:
        where, values = ("WHERE state = ?", (of, limit)) if of else ("", (limit,))
        return [job_of(row) for row in connection.execute(f"SELECT * FROM jobs {where} ORDER BY created DESC LIMIT ?", values)]


@router.post("/jobs", status_code=201)
def queue_job(new: NewJob, state: State) -> Job:
    """Queue a job; what cannot run is refused at once."""
    if isinstance(new.request, RenderJob) and new.request.out is not None:
        raise Refused("a page writes into the library only; leave it out", field="request.out")
    with state.database.read() as connection:
        check_request(new.request, state.data, connection)
    check_room(state.data, 0, state.quota)
    with state.database.write() as connection:
        project = getattr(new.request, "project", None)
        job = add_job(connection, new.request, title=new.title, priority=new.priority, project=project)
        if isinstance(new.request, GridJob):
            add_grid(connection, job)
        return job


@router.get("/jobs/{job}")
def read_job(job: Id, state: State) -> Job:
    """Return a job."""
    with state.database.read() as connection:
        return get_job(connection, job)


@router.patch("/jobs/{job}")
def change_waiting_job(job: Id, change: JobChange, state: State) -> Job:
    """Change a waiting job's priority, place or title."""
    with state.database.write() as connection:
        present = get_job(connection, job)
        if present.state in ENDED and (change.priority is not None or change.before):
            raise Refused(f"the job has ended already, it is {present.state}", "conflict")
        values: dict[str, Any] = change.model_dump(exclude_none=True, exclude={"before"})
        if change.before:
            values |= _place_before(connection, job, change.before)
        if values:
            change_job(connection, job, values)
        return tell(connection, job)


def _place_before(connection: Any, job: str, before: str) -> dict[str, Any]:
    """Return the priority and position directly before another job."""
    other = get_job(connection, before)
    row = connection.execute(
        "SELECT max(position) FROM jobs WHERE priority = ? AND position < ? AND id != ? AND state IN ('queued', 'running', 'paused')",
        (other.priority, other.position, job),
    ).fetchone()
    earlier = other.position - 1.0 if row[0] is None else row[0]
    return {"priority": other.priority, "position": (earlier + other.position) / 2}


@router.delete("/jobs/{job}", status_code=204)
def delete_job(job: Id, state: State) -> None:
    """Delete an ended job; what it made stays."""
    with state.database.write() as connection:
        if get_job(connection, job).state not in ENDED:
            raise Refused("the job has not ended: cancel it first", "conflict")
        connection.execute("DELETE FROM jobs WHERE id = ?", (job,))
        add_event(connection, "job", job, {"id": job, "deleted": True})


@router.post("/jobs/{job}/cancel")
def cancel_job(job: Id, state: State) -> Job:
    """Cancel a job; finished frames stay in the store."""
    with state.database.write() as connection:
        return stop(connection, job, "cancel")


@router.post("/jobs/{job}/pause")
def pause_job(job: Id, state: State) -> Job:
    """Pause a job; it goes on from its finished frames, or its last checkpoint."""
    with state.database.write() as connection:
        return stop(connection, job, "pause")


@router.post("/jobs/{job}/resume")
def resume_job(job: Id, state: State) -> Job:
    """Let a paused job go on."""
    with state.database.write() as connection:
        return start_again(connection, job, ("paused",), "only a paused one can go on")


@router.post("/jobs/{job}/retry")
def retry_job(job: Id, state: State) -> Job:
    """Queue a failed or cancelled job again."""
    with state.database.write() as connection:
        return start_again(connection, job, ("failed", "cancelled"), "only one that failed or was cancelled can be tried again")


@router.get("/jobs/{job}/preview", response_class=Response, responses={200: {"content": {"image/webp": {}}}})
def job_preview(job: Id, state: State, n: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:
    """Return the newest denoising preview of a running job; `n` only names it for caches."""
    try:
        content = (state.data.previews / f"{job}.webp").read_bytes()
    except OSError:
        raise missing("preview of job", job) from None
    return Response(content, media_type="image/webp", headers={"cache-control": "no-store"})
