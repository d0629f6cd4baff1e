"""Simulate a film of 10,000 shots on 200 GPUs: what the driver of a cluster costs.

    python benchmarks/cluster_scale.py

The driver's own code runs (`RayExecutor`, its queue and its choice of workers); the workers are simulated, on a clock that is set forward
to the end of each batch, by the processor time that the driver takes meanwhile, and by a message's time. A frame takes 1 s on average, with
the spread of frames that the built-in model renders first. Each shot is a keyframe and a chain of frames after it.

Overhead is what devices wait between two batches, as a share of what they render; "above the bound" adds the start and the end of the film,
when some devices have nothing left to do.
"""

import argparse
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from statistics import mean
from tempfile import mkdtemp
from time import process_time
from typing import Any

from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.rendering import ray_executor
from sakuga.rendering.batches import Batch, plan_batches
from sakuga.rendering.executor import Landed, LocalExecutor
from sakuga.rendering.ray_executor import RayExecutor
from sakuga.rendering.ray_handles import Job, Worker
from sakuga.rendering.ray_worker import Installation, WorkerFacts
from sakuga.rendering.resources import Resources
from sakuga.timeline.spec import Generated, InitImage, Prompt, SeedNoise, digest

MESSAGE = 0.001
"""Seconds of a call to a worker and its answer, as measured on loopback (0.7 ms)."""


def record(count: int) -> list[float]:
    """Return seconds of frames of the built-in model, scaled to 1 s on average."""
    files = find_checkpoint()
    settings = {"checkpoint": files.digest, "conditioning": Prompt(prompt="a castle by the sea"), "width": 64, "height": 64, "steps": 4}
    store = Path(mkdtemp(prefix="sakuga-scale-"))
    given = Resources(
        checkpoint=files.folder, checkpoint_name=files.name, checkpoint_digest=files.digest, store=store, device="cpu", engine="torch"
    )
    batches = [Batch(frames=(Generated(noise=SeedNoise(seed=seed), **settings),)) for seed in range(count + 4)]
    seconds = [landed.seconds for landed in LocalExecutor(given).run(batches)][4:]
    return [one / mean(seconds) for one in seconds]


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def shots(count: int, chance: random.Random) -> Iterator[int]:
    """Yield the generated frames of each shot, 4 to 20."""
    return (chance.randint(4, 20) for _ in range(count))


def batches_of(lengths: Iterator[int]) -> Iterator[Batch]:
    """Plan shot by shot, so that no more than the shots ahead are in memory."""
    base = Generated(checkpoint="a" * 64, conditioning=Prompt(prompt="a castle"), noise=SeedNoise(seed=0), width=512, height=512, batch=1)
    for shot, length in enumerate(lengths):
        specs: dict[str, Generated] = {}
        before = ""
        for place in range(length):
            init = InitImage(frame=before, strength=0.6) if before else None
            spec = Generated(
                **{name: getattr(base, name) for name in ("checkpoint", "width", "height", "batch")},
                conditioning=Prompt(prompt=f"a castle, shot {shot}"),
                noise=SeedNoise(seed=place),
                init=init,
            )
            before = digest(spec)
            specs[before] = spec
        yield from plan_batches(specs, specs, lambda name: False)


@dataclass(eq=False)
class SimulatedWorkers:
    """Workers on a simulated clock, with the interface of RenderWorkers."""

    seconds: list[float]
    chance: random.Random
    notes: list[str] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    now: float = 0.0
    busy: float = 0.0
    """Seconds that devices have rendered, together."""
    waited: float = 0.0
    """Seconds that devices have waited between two batches, together."""
    _free: dict[Worker, float] = field(default_factory=dict)
    _events: list[tuple[float, int, Worker, tuple[Landed, ...]]] = field(default_factory=list)
    _number: int = 0
    _before: float = field(default_factory=process_time)

    def __post_init__(self) -> None:
        self.ray = self

    def fill(self, count: int) -> None:
        here = Installation(sakuga="", source="", engine=0, python="", torch="")
        for place in range(count):
            worker = Worker(None, str(place), None)
            worker.facts = WorkerFacts(node=f"n{place}", node_id="", device="cuda", machine="", installation=here, process=0)
            worker.actor = Actor(self, worker)
            self.workers.append(worker)

    def clock(self) -> float:
        """Return the simulated time."""
        return self.now

    def spend(self) -> None:
        """Set the clock forward by what the driver took since the last time."""
        spent = process_time()
        self.now += spent - self._before
        self._before = spent

    room = property(lambda self: len(self.workers))

    def grow(self, wanted: int) -> None:
        pass

    def idle(self) -> list[Worker]:
        return [worker for worker in self.workers if not worker.job]

    def jobs(self) -> Iterator[Job]:
        return (worker.job for worker in self.workers if worker.job and not worker.job.given_up)

    def send(self, worker: Worker, batch: Batch) -> Any:
        seconds = self.chance.choice(self.seconds) * len(batch.frames)
        self.busy += seconds
        self.waited += self.now + MESSAGE - self._free.get(worker, self.now + MESSAGE)
        self._free[worker] = self.now + seconds
        self._number += 1
        landed = tuple(Landed(name=name, seconds=seconds) for name in batch.names)
        heappush(self._events, (self.now + seconds + MESSAGE, self._number, worker, landed))
        return landed

    def answered(self) -> list[Worker]:
        ended: list[Worker] = []
        self.spend()
        if self._events:
            self.now = max(self.now, self._events[0][0])
        while self._events and self._events[0][0] <= self.now:
            ended.append(heappop(self._events)[2])
        return ended

    def get(self, answer: Any) -> Any:
        return answer

    def close(self) -> None:
        pass


class Actor:
    """A simulated actor: `actor.render.remote(...)`."""

    def __init__(self, simulation: SimulatedWorkers, worker: Worker) -> None:
        self.render = self.cancel = self
        self.remote = lambda number, batch=None: simulation.send(worker, batch) if batch else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shots", type=int, default=10_000)
    parser.add_argument("--gpus", type=int, default=200)
    given = parser.parse_args()
    seconds = record(24)
    simulation = SimulatedWorkers(seconds, random.Random(1))
    simulation.fill(given.gpus)
    ray_executor.monotonic = simulation.clock
    executor = RayExecutor(Resources(checkpoint=Path(), checkpoint_name="", checkpoint_digest="", store=Path()))
    executor._workers = simulation  # type: ignore[assignment]
    planned = process_time()
    frames, longest = 0, 0
    for length in shots(given.shots, random.Random(0)):
        frames, longest = frames + length, max(longest, length)
    for _ in zip(range(20_000), batches_of(shots(given.shots, random.Random(0))), strict=False):
        pass
    planned = min(20_000, frames) / (process_time() - planned)
    started, sizes, done = process_time(), list[int](), 0
    simulation._before = started
    for done, _ in enumerate(executor.run(batches_of(shots(given.shots, random.Random(0)))), 1):
        if done % max(1, frames // 10) == 0:
            sizes.append(resident())
    driver = process_time() - started
    bound = max(simulation.busy / given.gpus, longest * mean(seconds))
    print(f"{given.shots:,} shots, {done:,} frames of {min(seconds):.2f} to {max(seconds):.2f} s, on {given.gpus} GPUs")
    print(f"planned {planned:,.0f} specs a second; the driver took {driver:.1f} s, {1e3 * driver / done:.2f} ms a frame")
    print(f"overhead {100 * simulation.waited / simulation.busy:.2f}% of what devices render")
    print(f"makespan {simulation.now:,.1f} s, bound {bound:,.1f} s: {100 * (simulation.now / bound - 1):.2f}% above")
    print(f"driver's memory at each tenth of the film: {', '.join(f'{size / 1e6:.0f}' for size in sizes)} MB")


if __name__ == "__main__":
    main()
