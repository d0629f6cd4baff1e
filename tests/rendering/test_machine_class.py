"""Frames carry the class of their machine, and a shot does not mix classes without a word."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from sakuga.rendering.batches import Batch
from sakuga.rendering.executor import LocalExecutor
from sakuga.rendering.machine_class import _processor
from sakuga.rendering.ray_cluster import Share
from sakuga.rendering.ray_handles import Worker
from sakuga.rendering.ray_worker import Installation, WorkerFacts
from sakuga.rendering.ray_workers import GRACE, RenderWorkers
from sakuga.rendering.resources import Resources
from sakuga.rendering.store import FrameStore
from sakuga.timeline.spec import Generated, InitImage, SeedNoise, digest


def test_a_chain_that_goes_on_from_another_class_says_so_once(
    resources: Resources, draw: Callable[..., Generated], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = draw()
    frames = [replace(draw(), noise=SeedNoise(seed=seed), init=InitImage(frame=digest(first), strength=0.5)) for seed in (1, 2)]
    monkeypatch.setenv("SAKUGA_MACHINE_CLASS", "ours")
    list(LocalExecutor(resources).run([Batch(frames=(first,))]))
    assert FrameStore(resources.store).machine(digest(first)) == "ours"
    assert [one.note for one in LocalExecutor(resources).run([Batch(frames=(frames[0],))])] == [""]
    monkeypatch.setenv("SAKUGA_MACHINE_CLASS", "theirs")
    executor = LocalExecutor(replace(resources))
    notes = [one.note for one in executor.run([Batch(frames=(frame,)) for frame in (frames[1], draw(seed=7))])]
    assert "of another class of machine (ours; here theirs)" in notes[0]
    assert notes[1] == ""


def test_a_processor_without_a_known_name_is_named_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sakuga.rendering.machine_class.Path", lambda _: Path("nowhere"))
    for processor, kind, named in (("", "riscv64", "riscv64"), ("i386", "x86_64", "i386")):
        monkeypatch.setattr("platform.processor", lambda processor=processor: processor)
        monkeypatch.setattr("platform.machine", lambda kind=kind: kind)
        assert _processor.__wrapped__().split()[0] == named


def test_a_processor_is_named_by_its_model_where_the_system_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nvendor_id\t: One\nmodel name\t: Fast 9000 @ 3 GHz\n\nmodel name\t: Slow 1\n")
    monkeypatch.setattr("sakuga.rendering.machine_class.Path", lambda _: tmp_path / "cpuinfo")
    assert _processor.__wrapped__().startswith("Fast 9000 @ 3 GHz ")


class Nothing:
    """In place of Ray: it only ends workers."""

    def __init__(self) -> None:
        self.killed: list[Any] = []

    def kill(self, actor: Any) -> None:
        self.killed.append(actor)


def worker(name: str, machine: str) -> Worker:
    facts = WorkerFacts(node=name, node_id=name, device="cpu", machine=machine, installation=Installation.here(), process=1)
    return Worker(name, name, None, facts)


def workers(resources: Resources, *known: Worker) -> RenderWorkers:
    return RenderWorkers(Nothing(), Share(gpus=0, threads=1), resources, "probe", list(known))


def test_the_most_common_class_renders_and_others_are_left_out_by_name(resources: Resources) -> None:
    made = workers(resources, worker("a", "old"), worker("b", "new"), worker("c", "new"))
    assert [one.title for one in made.idle()] == ["b cpu", "c cpu"]
    assert made.ray.killed == ["a"]
    assert made.notes == ["a is left out, so that no shot mixes classes of machines: it is old, and others are new"]


def test_the_class_is_decided_when_all_have_started_or_after_some_time(resources: Resources) -> None:
    made = workers(resources, worker("a", "old"), Worker("b", "b", "starting"))
    made._first_seen = monotonic()
    assert made.idle() == []
    made._first_seen -= GRACE + 1
    assert [one.title for one in made.idle()] == ["a cpu"]


def test_another_class_goes_on_with_a_note_when_one_is_lost(resources: Resources) -> None:
    made = workers(resources, worker("a", "old"))
    assert len(made.idle()) == 1
    made.lose(made.workers[0], "its process was killed")
    made.workers.append(worker("b", "new"))
    assert [one.title for one in made.idle()] == ["b cpu"]
    assert made.notes == [
        "a cpu is lost, as its process ended: others render what it has not stored",
        "no machine is left of old: new goes on, and frames may differ by a grey level",
    ]
