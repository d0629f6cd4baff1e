"""An executor that renders in worker processes.

Each worker is a process of its own that loads the networks once and then answers requests over a pipe:

    executor -> worker: Request(number, batch)            None asks it to end
    worker -> executor: Response(number, Denoised | Landed | Finished | exception)

A request is cancelled by an event that the worker checks between denoising steps. Numbers tell the responses of a cancelled request
from those of the next.
"""

import pickle
import signal
import sys
import traceback
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from sakuga.cancellation import Cancelled, CancelScope, raise_if_cancelled
from sakuga.rendering.batch_queue import BatchQueue, Task
from sakuga.rendering.batches import Batch
from sakuga.rendering.executor import Denoised, Landed, LocalExecutor
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.resources import Resources

RETRIES = 2
"""How often a batch is tried again after its worker died."""
POLL = 0.05
"""Seconds between two looks at the cancellation flag."""
PATIENCE = 2.0
"""Seconds that a worker has to end by itself when the executor is closed."""


@dataclass(frozen=True, slots=True)
class Request:
    """A batch to render."""

    number: int
    batch: Batch


class Finished:
    """The batch of a request is rendered, or its request was cancelled."""


@dataclass(frozen=True, slots=True)
class Response:
    """A denoising step or stored frame of a request, its end, or its error."""

    number: int
    outcome: Denoised | Landed | Finished | Exception


@dataclass(slots=True, eq=False)
class _Worker:
    """One worker process, as the executor knows it."""

    process: Any
    pipe: Connection
    cancel: Any
    number: int = 0
    busy: bool = False
    task: Task | None = None
    """None when the request it works at was given up."""

    @classmethod
    def start(cls, resources: Resources, threads: int | None) -> "_Worker":
        context = get_context("spawn")
        pipe, other = context.Pipe()
        cancel = context.Event()
        process = context.Process(target=_serve, args=(other, cancel, resources, threads), daemon=True, name="sakuga-render-worker")
        process.start()
        other.close()
        return cls(process, pipe, cancel)

    def send(self, task: Task) -> None:
        self.number, self.busy, self.task = self.number + 1, True, task
        self.cancel.clear()
        self.pipe.send(Request(self.number, task.batch))

    def stop(self) -> None:
        """End the process: by request, by terminating, by killing it."""
        self.cancel.set()
        with suppress(OSError):
            self.pipe.send(None)
        for end in (lambda: None, self.process.terminate, self.process.kill):
            end()
            self.process.join(PATIENCE)
            if not self.process.is_alive():
                break
        self.pipe.close()


class WorkerExecutor:
    """Renders in worker processes, independent batches at the same time.

    The frames are the same to the byte as those of LocalExecutor, provided that torch uses equally many threads: a worker takes over
    the number of this process. A batch whose worker dies is tried again in a new one, twice at most. Processes start at the first
    batch and stay until `close`. Programs that use this need the guard `if __name__ == "__main__"`, as for all of multiprocessing.
    """

    def __init__(self, resources: Resources, workers: int = 1) -> None:
        if workers < 1:
            raise RenderError(f"{workers} workers render nothing: choose 1 or more")
        self.resources, self.count = resources, workers
        self._workers: list[_Worker] = []
        self._stop = weakref.finalize(self, _stop_all, self._workers)

    def run(self, batches: Iterable[Batch]) -> Iterator[Landed]:
        """Yield each frame when it is in the store; see `steps`."""
        return (one for one in self.steps(batches) if isinstance(one, Landed))

    def steps(self, batches: Iterable[Batch]) -> Iterator[Denoised | Landed]:
        """Yield each denoising step and stored frame; see `Executor.steps`.

        Steps and frames of different batches may come in any order. Raises RenderError if the executor is closed, before or meanwhile.
        """
        queue = BatchQueue(batches)
        try:
            while True:
                raise_if_cancelled()
                self._check_open()
                for worker in self._idle():
                    if (task := queue.take()) is None:
                        break
                    self._send(worker, task)
                if queue.is_empty and not any(worker.task for worker in self._workers):
                    self._check_open()
                    return
                for worker in self._ready():
                    yield from self._receive(worker, queue)
        finally:
            for worker in self._workers:
                if worker.task:
                    worker.task = None
                    worker.cancel.set()
            if not self._stop.alive:  # closed while a worker was being started
                _stop_all(self._workers)

    def close(self) -> None:
        """End the worker processes; what they have rendered stays in the store."""
        self._stop()

    def _check_open(self) -> None:
        if not self._stop.alive:
            raise RenderError("the executor is closed and renders no more; what it has rendered stays in the store: make another one")

    @property
    def worker_ids(self) -> list[int]:
        """Process ids of the running workers."""
        return [worker.process.pid for worker in self._workers]

    def _idle(self) -> Iterator[_Worker]:
        """Yield idle workers, and start new ones up to the count."""
        for worker in list(self._workers):
            if not worker.busy:
                yield worker
        while len(self._workers) < self.count and self._stop.alive:
            worker = _Worker.start(self.resources, _torch_threads())
            self._workers.append(worker)
            yield worker

    def _send(self, worker: _Worker, task: Task) -> None:
        try:
            worker.send(task)
        except OSError:  # it died while it was idle; `_receive` finds its pipe closed
            worker.busy, worker.task = True, task

    def _ready(self) -> list[_Worker]:
        """Wait briefly, and return the workers with responses."""
        pipes = {worker.pipe: worker for worker in self._workers if worker.busy}
        try:
            return [pipes[pipe] for pipe in wait(list(pipes), POLL) if isinstance(pipe, Connection)]
        except OSError:  # another thread has closed the executor and so the pipes
            self._check_open()
            raise

    def _receive(self, worker: _Worker, queue: BatchQueue) -> Iterator[Denoised | Landed]:
        try:
            response: Response = worker.pipe.recv()
        except (EOFError, OSError):
            self._check_open()
            self._bury(worker, queue)
            return
        task = worker.task if response.number == worker.number else None
        match response.outcome:
            case Denoised() as denoised:
                if task:
                    yield denoised
            case Landed() as landed:
                if task:
                    task.without(landed.name)
                    queue.stored(landed.name)
                    yield landed
            case Finished():
                if response.number == worker.number:
                    worker.busy, worker.task = False, None
            case Exception() as error:
                worker.busy = worker.busy and response.number != worker.number
                if task:
                    worker.task = None
                    raise error

    def _bury(self, worker: _Worker, queue: BatchQueue) -> None:
        """Requeue the batch of a dead worker.

        Raises RenderError if its workers have died too often.
        """
        self._workers.remove(worker)
        worker.process.join(PATIENCE)
        worker.pipe.close()
        task, worker.task = worker.task, None
        if not task or not task.batch.frames:
            return
        task.deaths += 1
        if task.deaths > RETRIES:
            raise RenderError(
                f"the worker process died {task.deaths} times while it rendered frame {task.batch.names[0][:12]} "
                f"(exit code {worker.process.exitcode}): free memory, or choose a smaller --size"
            )
        queue.put_back(task)


def _stop_all(workers: list[_Worker]) -> None:
    """Stop each worker once, also when two threads do this at the same time."""
    for worker in list(workers):
        worker.cancel.set()
    with suppress(IndexError):
        while True:
            workers.pop().stop()


def _torch_threads() -> int | None:
    """Return torch's thread count here; None if it is not loaded."""
    torch = sys.modules.get("torch")
    return None if torch is None else torch.get_num_threads()


def _serve(pipe: Connection, cancel: Any, resources: Resources, threads: int | None) -> None:
    """Answer requests until the executor asks to end or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the executor decides what ends
    if threads:
        import torch

        torch.set_num_threads(threads)
    executor = LocalExecutor(resources)
    try:
        while (request := pipe.recv()) is not None:
            for outcome in _answer(executor, request.batch, cancel):
                pipe.send(Response(request.number, outcome))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass


def _answer(executor: LocalExecutor, batch: Batch, cancel: Any) -> Iterator[Denoised | Landed | Finished | Exception]:
    try:
        steps = executor.steps([batch])
        while True:
            with CancelScope(cancel):
                step = next(steps, None)
            if step is None:
                break
            yield step
    except Cancelled:
        pass
    except Exception as error:
        yield portable(error)
        return
    yield Finished()


def portable(error: Exception) -> Exception:
    """Return a picklable error with the worker's traceback as a note."""
    error.add_note("In a worker process:\n" + traceback.format_exc())
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RenderError(f"the worker process failed: {type(error).__name__}: {error}")
    return error
