"""The workers of one render on a Ray cluster: started, described, and of one machine class."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from time import monotonic, sleep
from typing import Any

from sakuga.event_log import log_event
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.ray_cluster import Share, free_nodes, host_of
from sakuga.rendering.ray_handles import Job, Worker
from sakuga.rendering.ray_worker import RenderWorker, WorkerFacts, check_facts
from sakuga.rendering.resources import Resources
from sakuga.timeline.spec import Digest

STARTS = 6
"""How often workers may fail to start before any has; those of one node at a time count once."""
REST = 10.0
"""Seconds in which nothing is started on a node where a worker failed to start, as it may be lost and not yet known to be."""
POLL = 0.1
"""Seconds between two looks at the cancellation flag."""
NODES = 5.0
"""Seconds between two looks at the nodes of the cluster."""
GRACE = 20.0
"""Seconds that the first worker waits for others before the machine class of a render is decided."""
NEVER_RAN = "cancelled before it started"
"""What Ray says where this process asks for a token and the cluster sends none."""
PATIENCE = 180.0
"""Seconds without any worker after which a render ends; the cluster may have to start a machine meanwhile."""


@dataclass(slots=True, eq=False)
class RenderWorkers:
    """The workers of a render, on as many devices as there is work for.

    Those of the most common machine class render; the others are left out. When all of a class are lost, another one is chosen. A machine
    that cannot render the same frames is refused, and a worker that dies while it starts is started again, there or elsewhere.
    """

    ray: Any
    share: Share
    resources: Resources
    probe: Digest
    """A frame that has just been written to the store."""
    workers: list[Worker] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What the user should know."""
    machine: str = ""
    """The machine class of this render; "" until it is decided."""
    _nodes: dict[str, int] = field(default_factory=dict)
    _looked: float = -NODES
    _left_out: set[str] = field(default_factory=set)
    """Ids of nodes of another class."""
    _refused: set[str] = field(default_factory=set)
    """Ids of nodes that cannot render the same frames."""
    _first_seen: float = 0.0
    _alone_since: float = 0.0
    """Since when there has been no worker; 0 where there is one."""
    _failures: int = 0
    _resting: dict[str, float] = field(default_factory=dict)
    """When a worker failed to start, by node."""

    @property
    def room(self) -> int:
        """For how many workers there is room, other work aside; at least one."""
        self._look()
        return max(1, sum(self._nodes[node] for node in self._usable()))

    def _look(self) -> None:
        if monotonic() - self._looked > NODES:
            self._looked, self._nodes = monotonic(), free_nodes(self.ray.nodes(), self.share)

    def _usable(self) -> set[str]:
        return self._nodes.keys() - self._left_out - self._refused

    def grow(self, wanted: int) -> None:
        """Start workers until there are `wanted` ones or the cluster is full; at least one, for which it may have to start a machine."""
        self._look()
        taken = Counter(worker.node for worker in self.workers)
        awake = [node for node in self._nodes if node in self._usable() and not self._rests(node)]
        rooms = [node for node in awake for _ in range(self._nodes[node] - taken[node])]
        for node in rooms[: max(0, wanted - len(self.workers))]:
            self._start(node)
        if wanted and not self.workers and not self._rests(""):
            self._start("")

    def _rests(self, node: str) -> bool:
        return monotonic() - self._resting.get(node, -REST) < REST

    def _start(self, node: str) -> None:
        options = self.share.options(node)
        actor = self.ray.remote(RenderWorker).options(**options, max_concurrency=2).remote(self.resources, self.share.threads, self.probe)
        self.workers.append(Worker(actor, node, actor.describe.remote()))

    def idle(self) -> list[Worker]:
        """Return the workers that have nothing to do; none before the machine class is decided."""
        self._decide()
        return [worker for worker in self.workers if worker.facts and not worker.job] if self.machine else []

    def jobs(self) -> Iterator[Job]:
        """Yield what is rendered, and of use."""
        return (worker.job for worker in self.workers if worker.job and not worker.job.given_up)

    def answered(self) -> list[Worker]:
        """Wait briefly, and return the workers with answers."""
        waiting = {worker.waits_for: worker for worker in self.workers if worker.waits_for is not None}
        if not waiting:
            sleep(POLL)
            return []
        ready, _ = self.ray.wait(list(waiting), num_returns=1, timeout=POLL)
        if ready:
            ready, _ = self.ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
        return [waiting[one] for one in ready]

    def describe(self, worker: Worker, facts: WorkerFacts) -> None:
        """Take a worker that has started, or refuse its machine; raises RenderError where no machine is left."""
        worker.node = facts.node_id
        try:
            worker.facts, worker.starting = check_facts(facts), None
        except RenderError as error:
            self.stop(worker)
            self._refuse(worker.node, error)
            return
        taken = {one.number for one in self.workers if one is not worker and one.facts and one.facts.title == facts.title}
        worker.number = next(number for number in count(1) if number not in taken)
        log_event("worker.started", device=worker.title, machine=facts.machine, worker_process=facts.process)
        self._failures = 0
        self._first_seen = self._first_seen or monotonic()

    def lose(self, worker: Worker, reason: str) -> None:
        """Forget a worker that is gone; raises RenderError where none can be started."""
        log_event("worker.lost", device=worker.title, reason=reason)
        self.stop(worker)
        if worker.facts:
            what = "machine is gone" if "node" in reason.lower() else "process ended"
            self.notes.append(f"{worker.title} is lost, as its {what}: others render what it has not stored")
        self._looked = -NODES
        if worker.facts is None:
            self._did_not_start(worker.node, reason)
        if not any(one.facts for one in self.workers):
            self._left_out.clear()
            self._first_seen = 0.0

    def _did_not_start(self, node: str, reason: str) -> None:
        """Let a node rest, or refuse it; raises RenderError where no worker has ever started."""
        if "ModuleNotFoundError" in reason or "ImportError" in reason:
            host = host_of(self.ray.nodes(), node)
            self._refuse(node, RenderError(f"{host} cannot start a worker ({reason}): install the same sakuga[ray] on every machine"))
            return
        self._failures += not self._rests(node)
        self._resting[node] = monotonic()
        if not self.machine and NEVER_RAN in reason:
            raise RenderError("no worker starts, as the cluster was started without a token and one is here: set RAY_AUTH_MODE=disabled")
        if not self.machine and self._failures > STARTS:
            raise RenderError(f"no worker starts on the cluster ({reason}): install the same sakuga[ray] on every machine")

    def _refuse(self, node: str, error: RenderError) -> None:
        """Leave a node out that cannot render the same frames; raises `error` where no other is left."""
        self._refused.add(node)
        self._look()
        if not node or not (self.workers or self._usable()):
            raise error
        log_event("worker.left_out", reason=str(error))
        self.notes.append(f"left out: {error}")

    def stop(self, worker: Worker) -> None:
        """End a worker at once; its frames are stored."""
        self.workers.remove(worker)
        with suppress(Exception):
            self.ray.kill(worker.actor)

    def close(self) -> None:
        """End all workers."""
        for worker in list(self.workers):
            self.stop(worker)

    def _decide(self) -> None:
        """Decide the machine class, and leave out workers of another one."""
        known = [worker for worker in self.workers if worker.facts]
        if not known:
            self._check_patience()
            return
        self._alone_since = 0.0
        classes = Counter(worker.facts.machine for worker in known if worker.facts)
        if self.machine not in classes and (len(known) == len(self.workers) or monotonic() - self._first_seen > GRACE):
            before, self.machine = self.machine, classes.most_common(1)[0][0]
            if before:
                self.notes.append(f"no machine is left of {before}: {self.machine} goes on, and frames may differ by a grey level")
        for worker in known if self.machine in classes else ():
            if worker.facts and worker.facts.machine != self.machine:
                self._leave_out(worker, worker.facts)

    def _leave_out(self, worker: Worker, facts: WorkerFacts) -> None:
        self.stop(worker)
        self._left_out.add(worker.node)
        log_event("worker.left_out", device=facts.title, machine=facts.machine, others=self.machine)
        self.notes.append(
            f"{facts.node} is left out, so that no shot mixes classes of machines: it is {facts.machine}, and others are {self.machine}"
        )

    def _check_patience(self) -> None:
        self._alone_since = self._alone_since or monotonic()
        if monotonic() - self._alone_since > PATIENCE:
            self._alone_since = 0.0
            wanted = "one GPU" if self.share.gpus else f"{self.share.threads} core{'s' * (self.share.threads > 1)}"
            raise RenderError(
                f"no worker has started on the Ray cluster in {PATIENCE:.0f} s; each takes {wanted}, and `ray status` shows what is free: "
                "start more machines, or wait until other work ends"
            )
