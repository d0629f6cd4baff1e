"""The timeline page: frames in time, takes of single frames, and retiming."""

import sqlite3
from random import SystemRandom

from fastapi import APIRouter

from sakuga.timeline.edits import Cut, Edit, Expose, Hold, Redo, Speed
from sakuga.web.clip_frames import path_of_clip
from sakuga.web.database import add_event, new_id, now
from sakuga.web.queue import add_job
from sakuga.web.recipes import clip_row
from sakuga.web.refusal import Refused, missing
from sakuga.web.routes.clips import clip_of
from sakuga.web.schemas import ChosenTakes, FrameTake, Id, Job, Mark, NewRedo, Retime, Timeline
from sakuga.web.schemas.jobs import URGENT, EditJob, Format, RedoJob
from sakuga.web.state import State, StudioState
from sakuga.web.storage import check_room
from sakuga.web.tasks import check_request
from sakuga.web.timelines import frame_takes, laid_out, timeline_of

router = APIRouter(tags=["timeline"])


@router.get("/clips/{clip}/timeline")
def read_timeline(clip: Id, state: State) -> Timeline:
    """Return a clip's frames in time."""
    with state.database.read() as connection:
        row = clip_row(connection, clip)
        return timeline_of(connection, state.data, row, clip_of(connection, row))


@router.post("/clips/{clip}/marks")
def mark_frames(clip: Id, mark: Mark, state: State) -> Timeline:
    """Mark frames as bad, or take the marks off."""
    with state.database.write() as connection:
        row = clip_row(connection, clip)
        _check_frames(row, mark.frames)
        statement = (
            "INSERT OR IGNORE INTO marks (clip, frame) VALUES (?, ?)" if mark.bad else "DELETE FROM marks WHERE clip = ? AND frame = ?"
        )
        connection.executemany(statement, [(clip, frame) for frame in mark.frames])
        add_event(connection, "clip", clip)
        return timeline_of(connection, state.data, row, clip_of(connection, row))


def _check_frames(row: sqlite3.Row, frames: list[int]) -> None:
    if (late := next((frame for frame in frames if not 0 <= frame < row["frames"]), None)) is not None:
        raise Refused(f"the clip has frames 0 to {row['frames'] - 1}, and no {late}", field="frames")


@router.get("/clips/{clip}/takes")
def list_frame_takes(clip: Id, state: State) -> list[FrameTake]:
    """List the takes of a clip's frames."""
    with state.database.read() as connection:
        clip_row(connection, clip)
        return frame_takes(connection, clip)


@router.post("/clips/{clip}/takes", status_code=201)
def redo_frames(clip: Id, new: NewRedo, state: State) -> Job:
    """Queue takes of frames; the clip stays as it is."""
    seeds = new.seeds or [SystemRandom().randrange(2**31) for _ in range(new.count)]
    request = RedoJob(clip=clip, frames=new.frames, seeds=seeds, prompt=new.prompt, strength=new.strength)
    with state.database.read() as connection:
        row = clip_row(connection, clip)
        _check_frames(row, new.frames)
        check_request(request, state.data, connection)
    check_room(state.data, 0, state.quota)
    with state.database.write() as connection:
        clip_row(connection, clip)
        job = add_job(connection, request, title=f"takes of {row['title']}", priority=URGENT, project=row["project"])
        for frame in new.frames:
            for seed in seeds:
                connection.execute(
                    "INSERT INTO frame_takes (id, clip, frame, seed, prompt, strength, job, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (new_id(), clip, frame, seed, new.prompt, new.strength, job.id, now()),
                )
        return job


@router.post("/clips/{clip}/choose", status_code=201)
def choose_takes(clip: Id, chosen: ChosenTakes, state: State) -> Job:
    """Queue the clip with these takes in place; nothing else changes."""
    with state.database.read() as connection:
        takes = {take.id: take for take in frame_takes(connection, clip)}
    edits = list[Edit]()
    for name in chosen.takes:
        take = takes.get(name)
        if take is None:
            raise missing("take", name)
        if take.digest is None:
            raise Refused("this take is not generated yet: wait for it", "conflict", "takes")
        edits.append(Redo(frame=take.frame + 1, seed=take.seed, strength=take.strength, prompt=take.prompt))
    job = _queue_edit(state, clip, edits, chosen.format)
    with state.database.write() as connection:
        marks = ", ".join("?" for _ in chosen.takes)
        connection.execute(f"UPDATE frame_takes SET chosen = id IN ({marks}) WHERE clip = ?", (*chosen.takes, clip))
    return job


@router.post("/clips/{clip}/retime", status_code=201)
def retime_clip(clip: Id, change: Retime, state: State) -> Job:
    """Queue the clip with other times: holds, cuts, on twos, speed."""
    with state.database.read() as connection:
        row = clip_row(connection, clip)
        _check_frames(row, [*change.cuts, *(hold.frame for hold in change.holds)])
    edits: list[Hold | Cut] = [Hold(frame=hold.frame + 1, frames=hold.frames) for hold in change.holds]
    edits += [Cut(frame=frame + 1) for frame in dict.fromkeys(change.cuts)]
    edits.sort(key=lambda edit: -edit.frame)  # the last ones first, so that no edit moves what another names
    ordered: list[Edit] = [*edits]
    ordered += [Expose(frames=change.on)] if change.on else []
    speed = (change.speed or 1.0) * (change.fps / _fps(state, row) if change.fps else 1.0)
    if not 0.05 <= speed <= 16:
        raise Refused(f"the clip would play at {speed:g} times its speed: choose 0.05 to 16", field="speed")
    ordered += [Speed(factor=speed)] if speed != 1 else []
    if not ordered:
        raise Refused("nothing changes: give a rate, a speed, frames per image, holds or cuts")
    return _queue_edit(state, clip, ordered, None)


def _fps(state: StudioState, row: sqlite3.Row) -> float:
    path = path_of_clip(state.data, row)
    return float(laid_out(path, row["model"], state.data.frames, path.stat().st_mtime_ns).rate)


def _queue_edit(state: StudioState, clip: str, edits: list[Edit], form: Format | None) -> Job:
    with state.database.read() as connection:
        row = clip_row(connection, clip)
        request = EditJob(clip=clip, edits=edits, format=form or row["format"])
        check_request(request, state.data, connection)
    check_room(state.data, 0, state.quota)
    with state.database.write() as connection:
        return add_job(connection, request, title=row["title"], priority=5, project=row["project"])
