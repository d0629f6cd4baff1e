"""Clips: files, timelines and takes of single frames."""

import json
import shutil
import sqlite3
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response

from sakuga.export import read_recipe
from sakuga.web.clip_frames import frame_source, path_of_clip, unpacked_folder
from sakuga.web.database import add_event, new_id
from sakuga.web.queue import add_job
from sakuga.web.recipes import checked_model, clip_row, document_of_text, film_of_clip, upload_row
from sakuga.web.refusal import Refused
from sakuga.web.results import describe_clip, insert_clip
from sakuga.web.routes.frames import IMAGES, Width, immutable_image
from sakuga.web.schemas import (
    Clip,
    Format,
    Id,
    Job,
    NewClip,
    NewExport,
    Project,
    SizeEstimate,
)
from sakuga.web.schemas.jobs import ExportJob
from sakuga.web.state import State
from sakuga.web.storage import check_room
from sakuga.web.storyboards import add_project, read_project
from sakuga.web.tasks import check_request

router = APIRouter(tags=["clips"])

TYPES = {"gif": "image/gif", "webp": "image/webp", "mp4": "video/mp4", "webm": "video/webm", "apng": "image/apng", "png": "image/png"}
BITS_PER_PIXEL = {"gif": 2.2, "webp": 0.9, "mp4": 0.25, "webm": 0.2, "apng": 9.0, "sheet.png": 9.0, "contact.png": 9.0}
"""For the estimate of a file's size, measured on clips of the built-in model."""


@router.get("/clips")
def list_clips(
    state: State, project: Annotated[Id | None, Query()] = None, limit: Annotated[int, Query(ge=1, le=1000)] = 200
) -> list[Clip]:
    """List clips, the newest first."""
    with state.database.read() as connection:
        where, values = ("WHERE project = ?", (project, limit)) if project else ("", (limit,))
        rows = connection.execute(f"SELECT * FROM clips {where} ORDER BY created DESC LIMIT ?", values).fetchall()
        return [clip_of(connection, row) for row in rows]


def clip_of(connection: sqlite3.Connection, row: sqlite3.Row) -> Clip:
    """Read a row."""
    values = {key: row[key] for key in row.keys() if key not in ("file", "prompts", "rate", "model")}  # noqa: SIM118
    kind = row["kind"] if row["kind"] in ("film", "draw", "morph", "vary", "choose") else "other"
    starred = connection.execute("SELECT 1 FROM stars WHERE entry = ?", (row["id"],)).fetchone() is not None
    return Clip.model_validate(
        {
            **values,
            "kind": kind,
            "prompts": json.loads(row["prompts"]),
            "starred": starred,
            "cover": f"/api/v1/clips/{row['id']}/frames/0?w=512",
            "url": f"/api/v1/clips/{row['id']}/file",
        }
    )


@router.post("/clips", status_code=201)
def bring_clip(new: NewClip, state: State) -> Clip:
    """Bring an upload into the library; with a recipe of sakuga its frames can be redone."""
    with state.database.read() as connection:
        row = upload_row(connection, new.upload)
    if row["kind"] == "film":
        raise Refused(f"{row['name']} is a film.toml: open it as a storyboard", field="upload")
    source, name = state.data.uploads / row["file"], new_id()
    model, suffix = checked_model(source, state.data), source.suffix if row["frames"] == 1 else source.suffix.replace(".png", ".apng")
    path = state.data.clips / f"{name}{suffix}"
    check_room(state.data, row["bytes"], state.quota)
    shutil.copyfile(source, path)
    try:
        values = describe_clip(path, model, state.data)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    with state.database.write() as connection:
        insert_clip(connection, {"id": name, "title": new.title or row["name"].rpartition(".")[0] or row["name"], **values})
        return clip_of(connection, clip_row(connection, name))


@router.get("/clips/{clip}")
def read_one_clip(clip: Id, state: State) -> Clip:
    """Return a clip."""
    with state.database.read() as connection:
        return clip_of(connection, clip_row(connection, clip))


@router.delete("/clips/{clip}", status_code=204)
def delete_clip(clip: Id, state: State) -> None:
    """Delete a clip's file; its frames stay in the store."""
    with state.database.write() as connection:
        row = clip_row(connection, clip)
        connection.execute("DELETE FROM clips WHERE id = ?", (clip,))
        connection.execute("DELETE FROM stars WHERE entry = ?", (clip,))
        add_event(connection, "clip", clip, {"deleted": True})
    (state.data.clips / row["file"]).unlink(missing_ok=True)
    shutil.rmtree(unpacked_folder(state.data, clip), ignore_errors=True)


@router.get(
    "/clips/{clip}/file", response_class=FileResponse, responses={200: {"content": {"video/mp4": {}, "image/gif": {}}}, 206: {}, 416: {}}
)
def clip_file(clip: Id, state: State, download: bool = False) -> FileResponse:
    """Return a clip's file, or the range of it that is asked for."""
    with state.database.read() as connection:
        row = clip_row(connection, clip)
    name = f"{_file_name(row['title'])}.{row['format']}" if download else None
    media, headers = TYPES.get(row["format"], "image/png"), {"cache-control": "private, max-age=31536000, immutable"}
    return FileResponse(path_of_clip(state.data, row), media_type=media, filename=name, headers=headers)


def _file_name(title: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title)
    return "-".join(filter(None, kept.split("-")))[:60] or "clip"


@router.get("/clips/{clip}/recipe")
def clip_recipe(clip: Id, state: State) -> dict[str, Any]:
    """Return a clip's recipe."""
    with state.database.read() as connection:
        row = clip_row(connection, clip)
    document = document_of_text(read_recipe(state.data.clips / row["file"]))
    if not document:
        raise Refused(f"{row['title']} carries no recipe", "not_found")
    return document


@router.get("/clips/{clip}/frames/{number}", response_class=Response, responses=IMAGES)  # type: ignore[arg-type]
def clip_frame(clip: Id, number: int, state: State, w: Width = None) -> Response:
    """Return a frame as the clip shows it; the first is 0."""
    with state.database.read() as connection:
        row = clip_row(connection, clip)
    if not 0 <= number < row["frames"]:
        raise Refused(f"the clip has frames 0 to {row['frames'] - 1}, and no {number}", "not_found")
    source = frame_source(state.data, row, number)
    return immutable_image(state, source, f"{clip}-{number}", w)


@router.post("/clips/{clip}/export", status_code=201)
def export_clip(clip: Id, new: NewExport, state: State) -> Job:
    """Queue the clip in another format, or under a size."""
    request = ExportJob(clip=clip, **new.model_dump())
    with state.database.read() as connection:
        row = clip_row(connection, clip)
        check_request(request, state.data, connection)
    check_room(state.data, 0, state.quota)
    with state.database.write() as connection:
        return add_job(connection, request, title=f"{row['title']} as .{new.format}", priority=5, project=row["project"])


@router.get("/clips/{clip}/estimate")
def estimate_size(clip: Id, format: Format, state: State, fps: Annotated[float | None, Query(gt=0, le=240)] = None) -> SizeEstimate:
    """Estimate the size of a clip in another format, from its pixels."""
    with state.database.read() as connection:
        row = clip_row(connection, clip)
    if format == row["format"] and fps is None:
        return SizeEstimate(format=format, bytes=row["bytes"])
    frames = row["frames"] if fps is None or not row["seconds"] else max(1, round(fps * row["seconds"]))
    return SizeEstimate(format=format, bytes=round(frames * row["width"] * row["height"] * BITS_PER_PIXEL[format] / 8))


@router.post("/clips/{clip}/open", status_code=201)
def open_clip(clip: Id, state: State) -> Project:
    """Open the film in a clip's recipe as a project."""
    with state.database.read() as connection:
        (film, edits), title = film_of_clip(connection, state.data, clip), clip_row(connection, clip)["title"]
    with state.database.write() as connection:
        return read_project(connection, add_project(connection, film, title, edits=edits))
