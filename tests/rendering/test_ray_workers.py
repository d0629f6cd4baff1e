"""Workers that die while they start are started again, and machines that cannot render are refused."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any, Self

import pytest

from sakuga.rendering import ray_workers
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.ray_cluster import Share
from sakuga.rendering.ray_handles import Worker
from sakuga.rendering.ray_worker import Installation, WorkerFacts
from sakuga.rendering.ray_workers import RenderWorkers
from sakuga.rendering.resources import Resources

pytest.importorskip("ray")
DIED = "The actor died because its node has died"


@dataclass
class Machines:
    """A cluster of machines with a core each, on which nothing runs; it stands for the module ray and for actors."""

    alive: list[str]
    killed: list[Any] = field(default_factory=list)

    def nodes(self) -> list[dict[str, Any]]:
        return [{"NodeID": 56 * one, "Alive": True, "NodeManagerHostname": one, "Resources": {"CPU": 1.0}} for one in self.alive]

    def remote(self, *_: Any) -> Self:
        return self

    def options(self, **_: Any) -> Self:
        return self

    @property
    def describe(self) -> Self:
        return self

    def kill(self, actor: Any) -> None:
        self.killed.append(actor)


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> Machines:
    monkeypatch.setattr(ray_workers, "REST", 0.0)
    return Machines(["a", "b"])


@pytest.fixture
def workers(machines: Machines) -> RenderWorkers:
    resources = Resources(checkpoint=Path(), checkpoint_name="", checkpoint_digest="", store=Path())
    return RenderWorkers(machines, Share(gpus=0, threads=1), resources, "f" * 64)


def facts(worker: Worker) -> WorkerFacts:
    return WorkerFacts(node=worker.node[0], node_id=worker.node, device="cpu", machine="x", installation=Installation.here(), process=1)


def test_workers_that_die_while_they_start_are_started_again_as_long_as_some_worker_has_started(workers: RenderWorkers) -> None:
    workers.grow(2)
    first, second = workers.workers
    workers.describe(first, facts(first))
    assert not workers.idle()
    workers.lose(second, DIED)
    assert workers.idle() == [first]
    for _ in range(3 * ray_workers.STARTS):
        workers.grow(2)
        workers.lose(workers.workers[-1], DIED)
    workers.lose(first, DIED)
    for _ in range(3 * ray_workers.STARTS):
        workers.grow(1)
        workers.lose(workers.workers[-1], DIED)
    workers.grow(2)
    assert len(workers.workers) == 2
    assert workers.notes == ["a cpu is lost, as its machine is gone: others render what it has not stored"]


def test_a_cluster_on_which_no_worker_ever_starts_is_given_up(workers: RenderWorkers) -> None:
    def start_and_die(reason: str) -> None:
        for _ in range(ray_workers.STARTS + 1):
            workers.grow(1)
            workers.lose(workers.workers[0], reason)

    with pytest.raises(RenderError, match=r"no worker starts on the cluster \(out of memory\): install the same sakuga\[ray\]"):
        start_and_die("out of memory")
    workers.grow(1)
    with pytest.raises(RenderError, match=r"started without a token and one is here: set RAY_AUTH_MODE=disabled$"):
        workers.lose(workers.workers[0], "The actor never ran - it was cancelled before it started running")


def test_workers_that_die_on_one_machine_count_once_and_it_rests(workers: RenderWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_workers, "REST", 60.0)
    gone = 56 * "c"
    workers.workers += [Worker(name, gone, "starting") for name in "defghijklm"]
    for worker in list(workers.workers):
        workers.lose(worker, DIED)
    workers._nodes, workers._looked = {gone: 10}, monotonic() + 60
    workers._resting[""] = monotonic()
    workers.grow(4)
    assert workers.workers == []


def test_a_cluster_that_stays_without_workers_is_given_up(workers: RenderWorkers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_workers, "PATIENCE", 0.0)
    workers.grow(1)
    workers.describe(workers.workers[0], facts(workers.workers[0]))
    assert workers.idle()
    workers.lose(workers.workers[0], DIED)
    with pytest.raises(RenderError, match="no worker has started on the Ray cluster in 0 s; each takes 1 core, "):
        workers.idle()


def test_workers_of_one_machine_are_told_apart_by_numbers_that_are_used_again(workers: RenderWorkers) -> None:
    def start() -> Worker:
        workers.workers.append(worker := Worker(None, 56 * "a", "starting"))
        workers.describe(worker, facts(worker))
        return worker

    first, second, third = start(), start(), start()
    assert [worker.title for worker in (first, second, third)] == ["a cpu", "a cpu 2", "a cpu 3"]
    workers.lose(second, DIED)
    assert start().title == "a cpu 2"


def test_a_machine_that_cannot_render_the_same_frames_is_left_out_and_the_last_one_ends_the_render(workers: RenderWorkers) -> None:
    workers.grow(2)
    first, second = workers.workers
    workers.describe(first, replace(facts(first), problem="has no model 'ink'"))
    assert workers.notes == ["left out: a has no model 'ink'"]
    workers.grow(2)
    assert [worker.node for worker in workers.workers] == [56 * "b"]
    assert workers.room == 1
    with pytest.raises(RenderError, match=r"^b cannot start a worker \(ModuleNotFoundError: sakuga\): install the same sakuga\[ray\]"):
        workers.lose(second, "ModuleNotFoundError: sakuga")
