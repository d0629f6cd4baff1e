"""An executor that renders on a Ray cluster.

Ray starts a worker for each device, places it, and tells when it is gone. What is decided here: which batch goes to which worker, what is
tried again, and what is rendered twice because a worker is slow. Workers write to the store; the driver collects names.
"""

import weakref
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import median
from time import monotonic

import numpy as np

from sakuga.cancellation import raise_if_cancelled
from sakuga.event_log import log_event
from sakuga.rendering.batch_queue import BatchQueue, Task
from sakuga.rendering.batches import Batch
from sakuga.rendering.executor import Denoised, Landed
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.ray_cluster import connect, share_of, torch_threads
from sakuga.rendering.ray_handles import Job, Worker
from sakuga.rendering.ray_workers import RenderWorkers
from sakuga.rendering.resources import Resources
from sakuga.rendering.store import FrameStore, open_store
from sakuga.timeline.spec import Digest, digest

RETRIES = 4
"""How often a batch is tried again after its worker or node was lost."""
SLOW = 3.0
"""A batch that takes so many times the expected time is rendered by another worker, too."""
LEAST_WAIT = 2.0
"""Seconds in which no batch counts as slow."""
REMEMBERED = 20_000
"""Frames of which the worker is known that rendered them."""


class RayExecutor:
    """Renders on the devices of a Ray cluster, independent batches at the same time.

    There is a worker for each GPU, or for every `threads` cores where the cluster has no GPU; `threads` is torch's number in this process
    unless given. Nodes may join and leave at any time. A batch whose worker is lost is rendered again but for the frames that are stored.
    """

    def __init__(self, resources: Resources, address: str = "", threads: int | None = None) -> None:
        self.resources, self.address, self.threads = resources, address, threads
        self._workers: RenderWorkers | None = None
        self._numbers = count(1)
        self._rates: deque[float] = deque(maxlen=200)
        """Seconds a denoised pixel, of the batches rendered last."""
        self._rendered_by: OrderedDict[Digest, Worker] = OrderedDict()
        self._is_open = True
        self._finalizer: weakref.finalize[..., RayExecutor] | None = None

    def run(self, batches: Iterable[Batch]) -> Iterator[Landed]:
        """Yield each frame when it is in the store; see `steps`."""
        return (one for one in self.steps(batches) if isinstance(one, Landed))

    def steps(self, batches: Iterable[Batch]) -> Iterator[Denoised | Landed]:
        """Yield each frame when it is in the store; see `Executor.steps`.

        Frames of a batch come together, and no denoising steps. Raises RenderError where no worker can render, or a batch loses its
        worker too often.
        """
        queue, workers = BatchQueue(batches), self._opened()
        try:
            while True:
                raise_if_cancelled()
                self._check_open()
                busy = sum(worker.job is not None for worker in workers.workers)
                workers.grow(busy + queue.ready(workers.room))
                self._hand_out(workers, queue)
                if queue.is_empty and not any(workers.jobs()):
                    return
                for worker in workers.answered():
                    yield from self._receive(workers, worker, queue)
        finally:
            for worker in workers.workers:
                worker.give_up()

    def close(self) -> None:
        """End the workers; what they have rendered stays in the store."""
        self._is_open = False
        if self._finalizer:
            self._finalizer()

    def _check_open(self) -> None:
        if not self._is_open:
            raise RenderError("the executor is closed and renders no more; what it has rendered stays in the store: make another one")

    def _opened(self) -> RenderWorkers:
        """Return the workers of the cluster, which is connected at first use."""
        self._check_open()
        if self._workers is None:
            ray, store = connect(self.address), open_store(self.resources.store)
            share = share_of(ray.nodes(), self.resources.device, self.threads or torch_threads())
            probe = digest(store.write_given(np.random.default_rng().integers(0, 256, (8, 8, 3), np.uint8)))
            place = Path(store.remote.url) if store.remote else self.resources.store.absolute()
            self._workers = RenderWorkers(ray, share, replace(self.resources, store=place), probe)
            self._finalizer = weakref.finalize(self, _end, self._workers, store)
        return self._workers

    def _hand_out(self, workers: RenderWorkers, queue: BatchQueue) -> None:
        """Give ready batches to idle workers, then copies of slow ones.

        A batch goes to the worker that has rendered a frame it needs, if that one is idle.
        """
        idle = workers.idle()
        while idle and (task := queue.take(lambda batch: self._near(batch, idle) is not None)):
            worker = self._near(task.batch, idle) or idle[0]
            idle.remove(worker)
            self._send(worker, task)
        for worker in idle:
            if (slow := self._slowest(workers)) is None:
                break
            log_event("batch.copied", frames=slow.batch.names, device=worker.title, seconds=round(monotonic() - slow.started, 1))
            self._send(worker, slow.task, is_copy=True)

    def _send(self, worker: Worker, task: Task, is_copy: bool = False) -> None:
        worker.send(Job(next(self._numbers), task, task.batch, monotonic(), is_copy))

    def _near(self, batch: Batch, idle: list[Worker]) -> Worker | None:
        """Return the idle worker that has rendered a frame that a batch needs."""
        makers = (self._rendered_by.get(name) for name in batch.needs)
        return next((worker for worker in makers if worker in idle), None)

    def _slowest(self, workers: RenderWorkers) -> Job | None:
        """Return what takes longest beyond what was expected and has no copy, if anything does."""
        if not self._rates:
            return None
        rate, jobs = median(self._rates), list(workers.jobs())
        copied = {id(job.task) for job in jobs if job.is_copy}
        late = [job for job in jobs if monotonic() - job.started > max(LEAST_WAIT, SLOW * rate * job.batch.cost)]
        return min((job for job in late if id(job.task) not in copied), key=lambda job: job.started, default=None)

    def _receive(self, workers: RenderWorkers, worker: Worker, queue: BatchQueue) -> Iterator[Landed]:
        """Take the answer of a worker."""
        try:
            value = workers.ray.get(worker.waits_for)
        except Exception as error:  # the worker or its node is gone
            self._bury(workers, worker, queue, _reason(error))
            return
        if worker.starting is not None:
            workers.describe(worker, value)
            return
        job, worker.job, worker.answer = worker.job, None, None
        if job is None or job.given_up:
            return
        if isinstance(value, Exception):
            raise value
        for other in workers.workers:
            if other.job and other.job.task is job.task:
                other.give_up()
        yield from self._landed(workers, worker, job, value, queue)

    def _landed(self, workers: RenderWorkers, worker: Worker, job: Job, landed: tuple[Landed, ...], queue: BatchQueue) -> Iterator[Landed]:
        if any(one.seconds for one in landed):
            self._rates.append((monotonic() - job.started) / job.batch.cost)
        for one in landed:
            job.task.without(one.name)
            queue.stored(one.name)
            self._rendered_by[one.name] = worker
            if len(self._rendered_by) > REMEMBERED:
                self._rendered_by.popitem(last=False)
            note = "; ".join(filter(None, (one.note, *workers.notes)))
            workers.notes.clear()
            yield replace(one, device=worker.title, note=note)

    def _bury(self, workers: RenderWorkers, worker: Worker, queue: BatchQueue, reason: str) -> None:
        """Put the batch of a lost worker back; raises RenderError where too many are lost."""
        job, worker.job = worker.job, None
        workers.lose(worker, reason)
        if job is None or job.given_up or any(other.task is job.task for other in workers.jobs()):  # a copy goes on
            return
        job.task.deaths += 1
        if job.task.deaths > RETRIES:
            raise RenderError(
                f"{job.task.deaths} workers were lost while they rendered frame {job.batch.names[0][:12]}, the last on {worker.title} "
                f"({reason}): free memory, or choose a smaller --size"
            )
        queue.put_back(job.task)


def _end(workers: RenderWorkers, store: FrameStore) -> None:
    """End the workers, and delete the frame by which they saw that they share the store."""
    workers.close()
    with suppress(Exception):  # the store may be gone by now
        store.discard(workers.probe)


def _reason(error: Exception) -> str:
    """Return the last line of an error from a cluster, which is that of its cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__).rstrip(".")
