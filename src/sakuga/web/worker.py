"""A worker process: runs the jobs of one lane.

`python -m sakuga.web.worker LANE` reads $SAKUGA_HOME. It ends when its standard input does, which happens however the server ends.
"""

import logging
import os
import signal
import sqlite3
import sys
import traceback
from operator import attrgetter
from threading import Event, Thread
from time import monotonic, sleep
from types import FrameType
from typing import Any

from PIL import Image as PILImage
from pydantic import TypeAdapter

from sakuga import SakugaError
from sakuga.event_log import log_event
from sakuga.files import write_bytes
from sakuga.paths import home
from sakuga.rendering.live_preview import LivePreviews
from sakuga.rendering.resources import WarmCheckpoints
from sakuga.studio.core.work import Work, WorkClosed
from sakuga.web import queue
from sakuga.web.data_folder import DataFolder, locked
from sakuga.web.database import Database, add_event, now
from sakuga.web.estimate import Estimate
from sakuga.web.logs import begin_logging
from sakuga.web.results import store_cell, store_frame_take, store_result, store_take
from sakuga.web.schemas.jobs import DeviceProgress, Job, JobProgress, JobRequest
from sakuga.web.task import Task
from sakuga.web.tasks import INTERRUPTIBLE, make_task
from sakuga.web.thumbnails import webp

EVERY = 0.1
"""Seconds between two looks at the queue, and at what a person wants of the running job."""
TOLD = 0.25
"""Seconds between two reports of progress."""
PREVIEW = 384
"""Width of a denoising preview in pixels."""

log = logging.getLogger("sakuga.worker")


class Worker:
    """Runs jobs of one lane until it is stopped."""

    def __init__(self, data: DataFolder, lane: str) -> None:
        self.data, self.lane = data, lane
        self.database = Database(data.database)
        self.stopping = Event()
        self.running: list[tuple[str, Work[Any, Any]]] = []
        """The running job, and before it those that it suspends."""
        self.previews = LivePreviews()
        self._shown = 0
        self._numbers: dict[str, int] = {}
        """The newest preview of each job under way."""

    def serve(self) -> None:
        """Run jobs until the worker is stopped."""
        queue.recover(self.database, self.lane)
        Thread(target=self._watch, name="watch", daemon=True).start()
        with WarmCheckpoints(), self.previews:
            while not self.stopping.is_set():
                job = queue.claim(self.database, self.lane)
                if job is None:
                    self.stopping.wait(EVERY)
                else:
                    self.run(job)

    def run(self, job: Job) -> None:
        """Run a job to its end, and store what it made."""
        log_event("job.started", job=job.id, kind=job.kind, title=job.title, lane=self.lane, attempt=job.attempts)
        self._run(job)
        with self.database.read() as connection:
            row = connection.execute("SELECT state, error FROM jobs WHERE id = ?", (job.id,)).fetchone()
        state, error = row or ("deleted", None)
        log_event(f"job.{state}", job=job.id, kind=job.kind, lane=self.lane, seconds=round(now() - (job.started or now()), 2), error=error)

    def _run(self, job: Job) -> None:
        try:
            request = TypeAdapter[JobRequest](JobRequest).validate_python(job.request)
            with self.database.read() as connection:
                task = make_task(request, job.id, self.data, connection)
            self.running.append((job.id, task.work))
            try:
                notes = self._drive(job, task)
                made = task.made(task.work.result())
            finally:
                self.running.pop()
                self._numbers.pop(job.id, None)
                (self.data.previews / f"{job.id}.webp").unlink(missing_ok=True)
            store_result(self.database, self.data, job, made, notes)
        except WorkClosed:
            wanted = queue.wanted(self.database, job.id)
            queue.release(self.database, job.id, {"cancel": "cancelled", "pause": "paused"}.get(wanted, "queued"))
        except SakugaError as error:
            self._fail(job, self.data.without_paths(str(error)))
        except Exception as error:
            log.error("job %s\n%s", job.id, traceback.format_exc())
            self._fail(job, _sentence(error))

    def _fail(self, job: Job, reason: str) -> None:
        with self.database.write() as connection:
            queue.finish(connection, job.id, {"state": "failed", "error": reason})

    def _drive(self, job: Job, task: Task) -> list[str]:
        """Take the steps of a work; returns its notes."""
        notes, told, shots, devices, estimate = list[str](), -TOLD, task.shots(), dict[str, DeviceProgress](), Estimate()
        for step in task.work:
            left = estimate.left(step)
            note = self.data.without_paths(step.note)
            if note and note not in notes and not _is_routine(note):
                notes.append(note)
            take = getattr(step, "take", None)
            if job.kind == "takes" and take is not None:
                store_take(self.database, job, take)
            if (redone := getattr(step, "redone", None)) is not None:
                store_frame_take(self.database, job, redone)
            if (cell := getattr(step, "cell", None)) is not None:
                store_cell(self.database, self.data, job, step.done - 1, cell)
            if step.frame:
                self._tell_frame(job, step, shots.get(step.frame))
            if step.frame and step.device:
                frames = devices[step.device].frames + 1 if step.device in devices else 1
                devices[step.device] = DeviceProgress(name=step.device, frames=frames, newest=now())
            if monotonic() - told >= TOLD or take is not None:
                told, lanes = monotonic(), sorted(devices.values(), key=attrgetter("name"))
                queue.report_progress(self.database, job.id, self._progress(job, step, left, lanes), notes[-20:])
            if not getattr(step, "denoising", False):
                self._let_urgent_ones_by(job)
        return notes

    def _tell_frame(self, job: Job, step: Any, shot: int | None) -> None:
        data = {"job": job.id, "project": job.project, "done": step.done, "total": step.total, "shot": shot}
        with self.database.write() as connection:
            queue.change_job(connection, job.id, {"attempts": 0})  # a job that gets on is not the reason why its worker dies
            add_event(connection, "frame", step.frame, data)

    def _progress(self, job: Job, step: Any, left: float | None, devices: list[DeviceProgress]) -> JobProgress:
        return JobProgress(
            stage=step.stage,
            done=step.done,
            total=step.total,
            share=min(1.0, step.fraction),
            seconds_left=left,
            preview=self._numbers.get(job.id, 0),
            loss=getattr(step, "loss", None),
            validation_loss=getattr(step, "validation_loss", None),
            devices=devices,
        )

    def _let_urgent_ones_by(self, job: Job) -> None:
        """Run more urgent jobs before the next step of this one.

        Not at a step of denoising: at any other the networks are as they were, so the other job may use them.
        """
        if job.kind not in INTERRUPTIBLE:
            return
        while not self.stopping.is_set() and (other := queue.claim(self.database, self.lane, above=job.priority)):
            self.run(other)
        if queue.wanted(self.database, job.id):
            self.running[-1][1].close()

    def _watch(self) -> None:
        """Stop the running job when a person or the server wants it, and show its denoising."""
        while True:
            sleep(EVERY)
            try:
                self._look_after(*self.running[-1])
            except IndexError:
                continue  # nothing runs
            except Exception:  # such as a full disk: the job itself will say so
                log.error("%s", traceback.format_exc())

    def _look_after(self, job: str, work: Work[Any, Any]) -> None:
        if self.stopping.is_set() or queue.wanted(self.database, job):
            work.close()
        self._show_preview(job)

    def _show_preview(self, job: str) -> None:
        newest = self.previews.newest
        if newest is None or newest.number == self._shown:
            return
        self._shown = self._numbers[job] = newest.number
        write_bytes(self.data.previews / f"{job}.webp", webp(PILImage.fromarray(newest.image), PREVIEW))
        with self.database.write() as connection:
            add_event(connection, "preview", job, {"n": newest.number, "done": newest.done})


def _is_routine(note: str) -> bool:
    """Return whether a note only says how the model is loaded and run, as it is for every job."""
    return note.startswith(("loading ", "on this machine a frame's bits depend")) or note.endswith(" runs the networks")


def _sentence(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "memory ran out: choose a smaller size, then retry"
    if isinstance(error, OSError) and error.errno == 28:
        return "the disk is full: make room, then retry"
    return f"it failed ({type(error).__name__}: {error}); the server's terminal shows more"


def main() -> None:
    """Serve one lane; a second worker of it waits until the first has ended."""
    lane = sys.argv[1]
    data = DataFolder(home())
    begin_logging()
    worker = Worker(data, lane)
    Thread(target=_end_with_server, args=(worker,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the server decides what ends

    def stop(number: int, frame: FrameType | None) -> None:
        worker.stopping.set()

    signal.signal(signal.SIGTERM, stop)
    while not worker.stopping.is_set():
        with locked(data.locks / f"lane-{lane}", str(os.getpid())) as free:
            if free:
                _serve(worker)
                break
        worker.stopping.wait(EVERY)
    os._exit(0)  # all is written; threads of libraries can keep an interpreter from ending


def _serve(worker: Worker) -> None:
    """Run jobs; a worker that cannot, as on a full disk, ends and is started again."""
    try:
        worker.serve()
    except Exception as error:
        log.error("the worker starts again: %s", error if _is_full(error) else traceback.format_exc())
        os._exit(1)


def _is_full(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "full" in str(error)


def _end_with_server(worker: Worker) -> None:
    """Stop the worker when its server is gone, and with force where a step takes too long."""
    sys.stdin.buffer.read()
    worker.stopping.set()
    sleep(30)
    os._exit(1)


if __name__ == "__main__":
    main()
