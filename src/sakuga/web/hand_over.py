"""The queue for the command line: jobs are handed over and watched, whether a studio runs or not."""

from collections.abc import Iterator
from pathlib import Path
from time import sleep

from sakuga.story.film import Film, to_document
from sakuga.web.data_folder import DataFolder, locked
from sakuga.web.database import Database
from sakuga.web.names import check_files, check_motion, check_style
from sakuga.web.queue import ENDED, add_job, get_job, read_queue
from sakuga.web.refusal import Refused
from sakuga.web.schemas.jobs import Format, Job, RenderJob

EVERY = 0.2
"""Seconds between two looks at a watched job."""


def queue_film(home: Path, film: Film, out: Path, *, preview: bool = False) -> Job:
    """Queue the clip of a film; it is copied to `out` when it is made.

    Raises Refused for a format that the studio does not write, or a style by its path: a worker has another folder.
    """
    formats: tuple[Format, ...] = ("sheet.png", "contact.png", "gif", "webp", "mp4", "webm", "apng")
    form = next((form for form in formats if out.name.lower().endswith(f".{form}")), None)
    if form is None:
        raise Refused(f"{out}: a queued clip is one file; end its name with .{', .'.join(formats)}")
    document = to_document(film)
    for shot in (document["film"], *document["shots"]):
        check_style(shot.get("style"))
        check_motion(shot.get("motion"))
        check_files(shot, "film")
    if model := document["film"].get("model"):
        document["film"]["model"] = str(Path(model).absolute()) if Path(model).is_dir() else model
    request = RenderJob(film=document, format=form, preview=preview, out=str(out.absolute()))
    with open_database(home).write() as connection:
        return add_job(connection, request, title=f"render {out.name}")


def watch_job(home: Path, name: str) -> Iterator[Job]:
    """Yield a job whenever it changes, until it has ended; raises Refused for an unknown one."""
    database, last = open_database(home), None
    while True:
        with database.read() as connection:
            job = get_job(connection, name)
        if job != last:
            yield job
            last = job
        if job.state in ENDED:
            return
        sleep(EVERY)


def list_jobs(home: Path) -> list[Job]:
    """Return the queue as it will run, and the newest ended jobs."""
    with open_database(home).read() as connection:
        return read_queue(connection, ()).jobs


def is_served(home: Path) -> bool:
    """Return whether a studio runs on a data folder."""
    with locked(DataFolder(home).locks / "server") as free:
        return not free


def open_database(home: Path) -> Database:
    """Open the studio's database, which is made where there is none."""
    data = DataFolder(home.absolute())
    data.create()
    database = Database(data.database)
    database.migrate()
    return database
