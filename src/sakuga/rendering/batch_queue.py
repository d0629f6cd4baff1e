"""Batches that wait until the frames that they need are stored."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import islice

from sakuga.rendering.batches import Batch
from sakuga.timeline.spec import Digest

AHEAD = 20_000
"""Batches that are held at most; the rest of a film is read when some of them are rendered."""
LOOKED_AT = 64
"""Ready batches among which one is looked for that suits a worker."""


@dataclass(slots=True, eq=False)
class Task:
    """A batch to render, and how often its worker died."""

    batch: Batch
    place: int
    """Its place in the film."""
    depth: int = 1
    """Its place in a chain of batches that wait for each other."""
    chain: int = 0
    """Length of the longest chain that it leads to; 0 until the whole film is read."""
    unmet: int = 0
    """Frames that it still waits for."""
    deaths: int = 0

    def __lt__(self, other: "Task") -> bool:
        return (-self.chain, self.place) < (-other.chain, other.place)

    def without(self, name: Digest) -> None:
        """Leave out a stored frame."""
        self.batch = self.batch.without(name)


class BatchQueue:
    """Hands out batches in their order, each when no frame that it needs is pending.

    Batches are read as they are wanted, so that memory depends on `ahead` and not on the length of the film. Once all are read, the
    longest chains go first, so that all workers end at about the same time.
    """

    def __init__(self, batches: Iterable[Batch], ahead: int = AHEAD) -> None:
        self._batches = iter(batches)
        self._ahead = ahead
        self._ready: list[Task] = []
        self._followers: dict[Digest, list[Task]] = defaultdict(list)
        self._pending: dict[Digest, int] = {}
        """Frames that are read and not stored, with the depth of their batches."""
        self._blocked = 0
        self._read = 0
        self._exhausted = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to hand out."""
        return self._exhausted and not self._ready and not self._blocked

    def ready(self, most: int) -> int:
        """Count the batches that can be taken, up to `most`; reads on until there are so many."""
        while len(self._ready) < most and self._blocked < self._ahead and self._read_next():
            pass
        return min(most, len(self._ready))

    def take(self, suits: Callable[[Batch], bool] | None = None) -> Task | None:
        """Take the first batch that waits for no pending frame; among the next few, one that `suits` goes first."""
        if not self.ready(1):
            return None
        if suits:
            for place, task in enumerate(islice(self._ready, LOOKED_AT)):
                if suits(task.batch):
                    self._ready[place] = self._ready[-1]
                    self._ready.pop()
                    heapify(self._ready)
                    return task
        return heappop(self._ready)

    def put_back(self, task: Task) -> None:
        """Hand out a batch again."""
        heappush(self._ready, task)

    def stored(self, name: Digest) -> None:
        """Let the batches go on that wait for a frame."""
        self._pending.pop(name, None)
        for task in self._followers.pop(name, ()):
            task.unmet -= 1
            if not task.unmet:
                self._blocked -= 1
                heappush(self._ready, task)

    def _read_next(self) -> bool:
        """Read a batch; returns whether there was one."""
        batch = next(self._batches, None)
        if batch is None:
            if not self._exhausted:
                self._exhausted = True
                self._measure_chains()
            return False
        waits = batch.needs & self._pending.keys()
        self._read += 1
        task = Task(batch, self._read, depth=1 + max((self._pending[name] for name in waits), default=0), unmet=len(waits))
        self._pending |= dict.fromkeys(batch.names, task.depth)
        for name in waits:
            self._followers[name].append(task)
        if waits:
            self._blocked += 1
        else:
            heappush(self._ready, task)
        return True

    def _measure_chains(self) -> None:
        waiting = {task for tasks in self._followers.values() for task in tasks}
        for task in sorted(waiting.union(self._ready), key=lambda task: task.place, reverse=True):
            followers = (one for name in task.batch.names for one in self._followers.get(name, ()))
            task.chain = max((one.chain for one in followers), default=task.depth)
        heapify(self._ready)
