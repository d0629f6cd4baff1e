"""What jobs leave in the database, each in one transaction with the end of its job."""

import json
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
from PIL import Image as PILImage
from PIL import UnidentifiedImageError

from sakuga.export import read_recipe
from sakuga.files import write_atomic
from sakuga.finishing.image import Image
from sakuga.rendering.store import FrameStore
from sakuga.studio.animate.timeline import clip_timeline
from sakuga.studio.core.recipe import EditedRecipe
from sakuga.timeline.spec import digest
from sakuga.web import queue
from sakuga.web.clip_frames import SINGLE
from sakuga.web.data_folder import DataFolder
from sakuga.web.database import Database, add_event, now, packed
from sakuga.web.grids import add_cell
from sakuga.web.recipes import document_of_text, edits_in, prompts_of, recipe_of_file
from sakuga.web.schemas.jobs import Job
from sakuga.web.storyboards import document_of, edits_of, fingerprint, layout_of, set_edits, shot_ids, take_of
from sakuga.web.task import Fault, Made
from sakuga.web.timelines import frame_take_of


def store_result(database: Database, data: DataFolder, job: Job, made: Made, notes: list[str]) -> None:
    """End a job as done, and add its clip, images or report to the library.

    A clip is named by its job, so a job that ends twice adds it once.
    """
    values, clip = made.values, None
    if made.clip:
        clip = describe_clip(made.clip, made.model, data)
        values = {**values, "clip": job.id, "bytes": clip["bytes"]}
        if out := job.request.get("out"):
            write_atomic(Path(out), partial(shutil.copyfile, made.clip))
    with database.write() as connection:
        if clip:
            _add_clip(connection, job, clip)
            _record_edits(connection, data, job)
        if made.faults is not None:
            _store_faults(connection, job.request["subject"], made.faults)
        for digest, prompt in made.images:
            _add_image(connection, data, job, digest, prompt)
        if made.report is not None:
            insert = "INSERT OR REPLACE INTO reports (id, title, metrics, created) VALUES (?, ?, ?, ?)"
            connection.execute(insert, (job.id, job.title, packed(made.report), now()))
            add_event(connection, "report", job.id)
        progress = {**job.progress.model_dump(), "share": 1.0, "seconds_left": 0.0}
        connection.execute("UPDATE jobs SET notes = ?, progress = ? WHERE id = ?", (packed(notes[-20:]), packed(progress), job.id))
        queue.finish(connection, job.id, {"state": "done", "result": packed(values)})


def store_take(database: Database, job: Job, take: Any) -> None:
    """Store a take of a shot that is generated."""
    with database.write() as connection:
        for row in connection.execute("SELECT id FROM takes WHERE job = ? AND seed = ?", (job.id, take.seed)).fetchall():
            set_take = "UPDATE takes SET state = 'done', frame = ?, score = ? WHERE id = ?"
            connection.execute(set_take, (take.frame, take.score, row["id"]))
            tell_take(connection, row["id"], job)


def store_frame_take(database: Database, job: Job, redone: dict[str, Any]) -> None:
    """Store a take of a clip's frame that is generated."""
    with database.write() as connection:
        set_digest = "UPDATE frame_takes SET digest = ? WHERE job = ? AND frame = ? AND seed = ?"
        connection.execute(set_digest, (redone["digest"], job.id, redone["frame"], redone["seed"]))
        for row in connection.execute("SELECT * FROM frame_takes WHERE job = ? AND frame = ?", (job.id, redone["frame"])).fetchall():
            add_event(connection, "take", row["id"], frame_take_of(row).model_dump(mode="json"))


def store_cell(database: Database, data: DataFolder, job: Job, number: int, image: Image) -> None:
    """Store a cell of a grid, unless that is deleted."""
    name = digest(FrameStore(data.frames).write_given(image))
    with database.write() as connection:
        add_cell(connection, job.id, number, name)


def tell_take(connection: sqlite3.Connection, take: str, job: Job) -> None:
    """Send a take to every open page."""
    row = connection.execute(
        "SELECT takes.*, shots.approved FROM takes JOIN shots ON shots.id = takes.shot WHERE takes.id = ?", (take,)
    ).fetchone()
    mark = fingerprint(job.request["film"], job.request["shot"])
    add_event(connection, "take", take, take_of(row, mark, row["approved"]).model_dump(mode="json"))


def _add_clip(connection: sqlite3.Connection, job: Job, clip: dict[str, Any]) -> None:
    project, layout = _present(connection, job.project), _layout(connection, job)
    insert_clip(connection, {"id": job.id, "title": job.title, "project": project, "job": job.id, "layout": layout, **clip})


def insert_clip(connection: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Add a clip to the library."""
    columns = {**values, "created": now()}
    marks = ", ".join("?" for _ in columns)
    connection.execute(f"INSERT OR REPLACE INTO clips ({', '.join(columns)}) VALUES ({marks})", tuple(columns.values()))
    add_event(connection, "clip", columns["id"])


def _store_faults(connection: sqlite3.Connection, clip: str, faults: Sequence[Fault]) -> None:
    """Replace what the scorecard names in a clip."""
    connection.execute("DELETE FROM faults WHERE clip = ?", (clip,))
    insert = "INSERT INTO faults (clip, first, last, fault) SELECT id, ?, ?, ? FROM clips WHERE id = ?"
    connection.executemany(insert, [(one.first, one.last, one.fault, clip) for one in faults])
    add_event(connection, "clip", clip)


def _layout(connection: sqlite3.Connection, job: Job) -> str | None:
    """Return where the frames of a project's clip lie, by its film or by the clip that it was made of."""
    if job.request.get("shots"):
        return layout_of(job.request["film"], job.request["shots"])
    row = connection.execute("SELECT layout FROM clips WHERE id = ?", (job.request.get("clip"),)).fetchone()
    return str(row["layout"]) if row and row["layout"] else None


def _record_edits(connection: sqlite3.Connection, data: DataFolder, job: Job) -> None:
    """Record the edits of a project's clip in the project, unless that has others which fit its film."""
    row = connection.execute("SELECT * FROM clips WHERE id = ?", (job.id,)).fetchone()
    if job.kind != "edit" or not row["project"] or not row["layout"]:
        return
    present, fit = edits_of(connection, row["project"])
    current = layout_of(document_of(connection, row["project"]), shot_ids(connection, row["project"]))
    if row["layout"] == current or not (present and fit):
        recipe = recipe_of_file(data.clips / row["file"], row["title"])
        set_edits(connection, row["project"], edits_in(recipe) if isinstance(recipe, EditedRecipe) else [], row["layout"])


def _present(connection: sqlite3.Connection, project: str | None) -> str | None:
    row = connection.execute("SELECT id FROM projects WHERE id = ?", (project,)).fetchone()
    return row and str(row["id"])


def _add_image(connection: sqlite3.Connection, data: DataFolder, job: Job, digest: str, prompt: str) -> None:
    with PILImage.open(data.frames / digest[:2] / f"{digest}.png") as image:
        width, height = image.size
    insert = "INSERT OR IGNORE INTO images (digest, title, prompt, width, height, job, created) VALUES (?, ?, ?, ?, ?, ?, ?)"
    connection.execute(insert, (digest, prompt[:120], prompt, width, height, job.id, now()))
    add_event(connection, "image", digest)


def describe_clip(path: Path, model: str | None, data: DataFolder) -> dict[str, Any]:
    """Return what a clip's row holds, read from its file."""
    recipe = document_of_text(read_recipe(path))
    kind, form = recipe.get("kind", "other"), path.name.partition(".")[2]
    rate, frames = (Fraction(1), 1) if form in SINGLE else _timed(path, model, data)
    width, height = _size(path)
    return {
        "file": path.name,
        "format": form,
        "bytes": path.stat().st_size,
        "width": width,
        "height": height,
        "frames": frames,
        "rate": str(rate),
        "seconds": 0.0 if form in SINGLE else float(frames / rate),
        "kind": kind if isinstance(kind, str) else "other",
        "model": model,
        "prompts": json.dumps(list(dict.fromkeys(prompts_of(recipe)))[:100], ensure_ascii=False),
        "has_recipe": int(bool(recipe)),
    }


def _timed(path: Path, model: str | None, data: DataFolder) -> tuple[Fraction, int]:
    timeline = clip_timeline(path, model=model, store=data.frames)
    return timeline.rate, len(timeline.frames)


def _size(path: Path) -> tuple[int, int]:
    try:
        with PILImage.open(path) as image:
            return image.size
    except UnidentifiedImageError:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return stream.width, stream.height
