"""Worker processes render the same bytes as this process, and a worker that dies loses nothing."""

import os
import pickle
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread, Timer
from time import monotonic, sleep

import pytest

from sakuga.cancellation import Cancelled, CancelScope
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.styles import checkpoint_styles
from sakuga.rendering import worker_executor
from sakuga.rendering.batches import Batch, plan_batches
from sakuga.rendering.executor import LocalExecutor, OutOfMemory
from sakuga.rendering.frame_checks import RenderError
from sakuga.rendering.resources import Resources, StyleFiles
from sakuga.rendering.store import FrameStore
from sakuga.rendering.worker_executor import WorkerExecutor
from sakuga.timeline.spec import AppliedStyle, Digest, FrameSpec, Generated, InBetween, InitImage, SeedNoise, digest


@contextmanager
def workers(resources: Resources, count: int = 1) -> Iterator[WorkerExecutor]:
    executor = WorkerExecutor(resources, count)
    try:
        yield executor
    finally:
        executor.close()


def contents(root: Path) -> dict[Digest, bytes]:
    store = FrameStore(root)
    return {name: store.path(name).read_bytes() for name in store.names()}


def film(first: Generated) -> dict[Digest, FrameSpec]:
    """A chain of three, an in-between that starts a frame, and six independent frames in batches of four."""
    chain = [first]
    for seed in (1, 2):
        chain.append(replace(first, noise=SeedNoise(seed=seed), init=InitImage(frame=digest(chain[-1]), strength=0.6)))
    between = InBetween(first=digest(chain[0]), second=digest(chain[2]), at=0.5)
    last = replace(first, noise=SeedNoise(seed=9), init=InitImage(frame=digest(between), strength=0.5))
    independent = [replace(first, noise=SeedNoise(seed=seed), batch=4) for seed in range(20, 26)]
    return {digest(spec): spec for spec in (*chain, between, last, *independent)}


def test_workers_give_the_same_bytes_as_this_process_with_the_sketchbook(tmp_path: Path, draw: Callable[..., Generated]) -> None:
    sketchbook = find_checkpoint("sketchbook")
    style = checkpoint_styles(sketchbook)["comic"]
    resources = Resources(
        checkpoint=sketchbook.folder,
        checkpoint_name=sketchbook.name,
        checkpoint_digest=sketchbook.digest,
        store=tmp_path / "local",
        styles=((style.digest, StyleFiles(name=style.name, files=style.files)),),
        device="cpu",
    )
    first = replace(draw("a castle by the sea"), checkpoint=sketchbook.digest, width=64, height=64, steps=2)
    styled = replace(first, styles=(AppliedStyle(style=style.digest, weight=0.7),))
    specs = film(first) | {digest(styled): styled}
    list(LocalExecutor(resources).run(plan_batches(specs, specs, FrameStore(resources.store).has)))
    local = contents(resources.store)
    assert len(local) == 11
    store = tmp_path / "workers"
    with workers(replace(resources, store=store), 2) as executor:
        landed = [one.name for one in executor.run(plan_batches(specs, specs, FrameStore(store).has))]
    assert sorted(landed) == sorted(local)
    assert contents(store) == local


def test_a_killed_worker_is_replaced_and_its_batch_rendered_again(
    resources: Resources, tmp_path: Path, draw: Callable[..., Generated]
) -> None:
    specs = film(draw(steps=12))
    list(LocalExecutor(resources).run(plan_batches(specs, specs, FrameStore(resources.store).has)))
    other = replace(resources, store=tmp_path / "killed")
    with workers(other) as executor:
        landings = executor.run(plan_batches(specs, specs, FrameStore(other.store).has))
        landed = [next(landings).name]
        os.kill(executor.worker_ids[0], signal.SIGKILL)
        landed += [one.name for one in landings]
    assert sorted(landed) == sorted(name for name, spec in specs.items() if isinstance(spec, Generated))
    assert contents(other.store) == contents(resources.store)


def test_a_batch_whose_workers_die_three_times_is_an_error_in_one_sentence(resources: Resources, draw: Callable[..., Generated]) -> None:
    killing = True

    def kill(executor: WorkerExecutor) -> None:
        while killing:
            for process in executor.worker_ids:
                os.kill(process, signal.SIGKILL)
            sleep(0.01)

    with workers(resources) as executor:
        killer = Thread(target=kill, args=(executor,))
        killer.start()
        try:
            with pytest.raises(RenderError, match=rf"died 3 times while it rendered frame {digest(draw())[:12]} \(exit code -9\)"):
                list(executor.run([Batch(frames=(draw(),))]))
        finally:
            killing = False
            killer.join()


def test_a_worker_survives_errors_and_cancellation(resources: Resources, draw: Callable[..., Generated]) -> None:
    with workers(resources) as executor:
        with pytest.raises(RenderError, match="asks for approximations") as caught:
            list(executor.run([Batch(frames=(draw(approximations=("deepcache",)),))]))
        assert "In a worker process" in "".join(caught.value.__notes__)
        process = executor.worker_ids
        wide = Batch(frames=(draw(width=2**24, height=2**24, batch=2),))
        with pytest.raises(OutOfMemory) as full:
            list(executor.run([wide]))
        assert full.value.batch == wide
        scope = CancelScope()
        Timer(0.5, scope.cancel).start()
        started = monotonic()
        with scope, pytest.raises(Cancelled):
            list(executor.run([Batch(frames=(draw(steps=1000, sampler="ddim", width=256, height=256),))]))
        assert monotonic() - started < 10
        assert [one.name for one in executor.run([Batch(frames=(draw(seed=5),))])] == [digest(draw(seed=5))]
        assert executor.worker_ids == process
    assert list(FrameStore(resources.store).names()) == [digest(draw(seed=5))]
    with pytest.raises(RenderError, match="0 workers render nothing"):
        WorkerExecutor(resources, 0)


def test_closing_stops_a_busy_worker_promptly(resources: Resources, draw: Callable[..., Generated]) -> None:
    executor = WorkerExecutor(resources)
    landings = executor.run([Batch(frames=(draw(),)), Batch(frames=(draw(steps=1000, sampler="ddim", width=256, height=256),))])
    next(landings)
    landings.close()
    started = monotonic()
    executor.close()
    assert monotonic() - started < 5
    assert executor.worker_ids == []


def test_batches_resources_and_errors_are_plain_data(resources: Resources, draw: Callable[..., Generated]) -> None:
    batch = Batch(frames=(draw(),))
    for value in (batch, resources):
        assert pickle.loads(pickle.dumps(value)) == value
    assert pickle.loads(pickle.dumps(OutOfMemory(batch))).batch == batch


def test_a_run_of_a_closed_executor_is_an_error_and_not_an_empty_result(resources: Resources, draw: Callable[..., Generated]) -> None:
    executor = WorkerExecutor(resources)
    executor.close()
    with pytest.raises(RenderError, match="the executor is closed"):
        list(executor.run([Batch(frames=(draw(),))]))


def test_closing_from_another_thread_ends_a_run_with_an_error(resources: Resources, draw: Callable[..., Generated]) -> None:
    executor = WorkerExecutor(resources)
    landings = executor.run([Batch(frames=(draw(),)), Batch(frames=(draw(steps=1000, sampler="ddim", width=256, height=256),))])
    next(landings)
    closing = Timer(0.5, executor.close)
    closing.start()
    with pytest.raises(RenderError, match="the executor is closed"):
        list(landings)
    closing.join()
    assert executor.worker_ids == []


def test_two_threads_that_stop_the_workers_stop_each_once(
    resources: Resources, draw: Callable[..., Generated], monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = WorkerExecutor(resources)
    list(executor.run([Batch(frames=(draw(),))]))
    (worker,) = executor._workers
    stopped, stop = [], type(worker).stop
    monkeypatch.setattr(type(worker), "stop", lambda self: (stopped.append(self), stop(self)))
    with ThreadPoolExecutor() as threads:
        for stopping in [threads.submit(worker_executor._stop_all, executor._workers) for _ in range(4)]:
            stopping.result()
    assert stopped == [worker]
    assert executor.worker_ids == []
