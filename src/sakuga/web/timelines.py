"""Timelines: what each frame of a clip is, and what replaces it."""

import sqlite3
from functools import lru_cache
from pathlib import Path

from sakuga.studio.animate.timeline import ClipTimeline, clip_timeline
from sakuga.web.clip_frames import SINGLE, path_of_clip
from sakuga.web.data_folder import DataFolder
from sakuga.web.schemas import Clip, FrameTake, Timeline, TimelineFrame


@lru_cache(maxsize=16)
def laid_out(path: Path, model: str | None, store: Path, changed: int) -> ClipTimeline:
    """Return a clip's timeline; `changed` is the file's modification time."""
    return clip_timeline(path, model=model, store=store)


def timeline_of(connection: sqlite3.Connection, data: DataFolder, row: sqlite3.Row, clip: Clip) -> Timeline:
    """Return the frames of a clip in time."""
    path = path_of_clip(data, row)
    marked = marks_of(connection, row["id"])
    if row["format"] in SINGLE:
        return Timeline(clip=clip, rate="1", fps=1.0, frames=[_frame(row["id"], 0, marked)], can_redo=False, reason="it is one image")
    found = laid_out(path, row["model"], data.frames, path.stat().st_mtime_ns)
    frames = [
        _frame(row["id"], place, marked, digest=frame.digest, kind=frame.kind, held=frame.held, redone=frame.redone)
        for place, frame in enumerate(found.frames)
    ]
    reason = found.reason.replace(str(path), row["title"])
    return Timeline(clip=clip, rate=str(found.rate), fps=float(found.rate), frames=frames, can_redo=found.recipe is not None, reason=reason)


def marks_of(connection: sqlite3.Connection, clip: str) -> dict[int, list[str]]:
    """Return why frames are bad: "bad" where a person says so, and what the scorecard names."""
    found = dict[int, list[str]]()
    for row in connection.execute("SELECT frame FROM marks WHERE clip = ?", (clip,)):
        found.setdefault(row["frame"], []).append("bad")
    for row in connection.execute("SELECT DISTINCT first, last, fault FROM faults WHERE clip = ? ORDER BY first", (clip,)):
        for frame in range(row["first"], row["last"] + 1):
            found.setdefault(frame, []).append(row["fault"])
    return found


def _frame(clip: str, place: int, marked: dict[int, list[str]], **values: object) -> TimelineFrame:
    image = f"/api/v1/clips/{clip}/frames/{place}"
    known = {"kind": "unknown", **values}
    return TimelineFrame.model_validate({"index": place, "image": image, "marks": marked.get(place, []), **known})


def frame_takes(connection: sqlite3.Connection, clip: str) -> list[FrameTake]:
    """List the takes of a clip's frames."""
    rows = connection.execute("SELECT * FROM frame_takes WHERE clip = ? ORDER BY frame, created, rowid", (clip,)).fetchall()
    return [frame_take_of(row) for row in rows]


def frame_take_of(row: sqlite3.Row) -> FrameTake:
    """Read a row."""
    return FrameTake.model_validate({key: row[key] for key in row.keys() if key != "created"})  # noqa: SIM118
