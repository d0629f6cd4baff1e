"""Execution of a table of runs in worker processes, or on a Ray cluster."""

import os
import signal
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from multiprocessing.resource_tracker import ensure_running
from pathlib import Path

from sakuga import SakugaError
from sakuga.cancellation import end_with_parent, raise_if_cancelled
from sakuga.rendering.requested_executor import uses_cluster
from sakuga.studies.cluster_pool import ClusterPool
from sakuga.studies.results import Results
from sakuga.studies.run_execution import execute_run, rescore_run
from sakuga.studies.run_folders import RunFolder, create_run, known_runs, locked_folder
from sakuga.studies.runs import GenerationRun, NamedRun, TrainingRun, digest, ordered_runs, required_trainings
from sakuga.studio import Step

LOOK = 0.5
"""Seconds between two looks at whether the study is cancelled."""


def parallel_runs(jobs: int) -> int:
    """Return how many runs are executed side by side: `jobs` here, on a cluster as many as it has room for."""
    return ClusterPool().room if uses_cluster() else jobs


def run_table(runs: Sequence[NamedRun], out: Path, model: str, jobs: int = 1) -> Generator[Step, None, Results]:
    """Execute the unfinished runs of a table.

    Yields a step for each that ends.

    Interrupted runs resume. Images scored by other metric models, such as an earlier label classifier, are scored again. Raises InputError
    where another process uses the folder.
    """
    with locked_folder(out):
        table = ordered_runs(tuple(runs))
        known = known_runs(out)
        waiting = [one for one in table if not ((folder := known.get(digest(one.run))) and folder.finished)]
        done = len(table) - len(waiting)
        yield Step(stage="running", done=done, total=len(table))
        for one in waiting:
            if digest(one.run) not in known:
                known[digest(one.run)] = create_run(out, one)
        for one in _execute(waiting, known, out, model, jobs):
            done += 1
            yield Step(stage="running", done=done, total=len(table), note=f"{one.name} finished")
        for one in table:
            if isinstance(one.run, GenerationRun) and rescore_run(one.run, known[digest(one.run)], model):
                yield Step(stage="finishing", note=f"{one.name} scored again")
        return Results(folders={digest(one.run): known[digest(one.run)] for one in table})


def _execute(waiting: Sequence[NamedRun], known: dict[str, RunFolder], out: Path, model: str, jobs: int) -> Generator[NamedRun, None, None]:
    """Execute runs in worker processes.

    Each starts as soon as its trainings are finished.

    Each training has a process of its own, so that its peak memory is measured alone; image runs share processes.
    """
    if uses_cluster():
        yield from _execute_on_cluster(waiting, known, out, model)
        return
    left = list(waiting)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning processes starve each other
    spawn, others = get_context("spawn"), set(active_children())
    with (
        ProcessPoolExecutor(jobs, spawn, initializer=_end_in_time, max_tasks_per_child=1) as training_pool,
        ProcessPoolExecutor(jobs, spawn, initializer=_end_in_time) as image_pool,
    ):
        running: dict[Future[None], NamedRun] = {}
        try:
            while left or running:
                ready = _ready(left, known)[: jobs - len(running)]
                for one in ready:
                    pool = training_pool if isinstance(one.run, TrainingRun) else image_pool
                    with _block_interrupts():
                        running[pool.submit(_worker, one, known[digest(one.run)].path, out, model, threads)] = one
                left = [one for one in left if one not in ready]
                ended_now = wait(running, timeout=LOOK, return_when=FIRST_COMPLETED).done
                raise_if_cancelled()
                for ended in ended_now:
                    one = running.pop(ended)
                    _raise_failure(ended, one)
                    yield one
        except BaseException:
            for child in set(active_children()) - others:
                if child.pid:
                    os.kill(child.pid, signal.SIGINT)
            for pool in (training_pool, image_pool):
                pool.shutdown(cancel_futures=True)
            raise


def _execute_on_cluster(waiting: Sequence[NamedRun], known: dict[str, RunFolder], out: Path, model: str) -> Generator[NamedRun, None, None]:
    """Execute runs as tasks of a Ray cluster, as many at a time as it has room for."""
    left, running = list(waiting), dict[Future[None], NamedRun]()
    with ClusterPool() as pool:
        while left or running:
            for one in _ready(left, known)[: pool.room - len(running)]:
                running[pool.submit(_worker, out, one, known[digest(one.run)].path.absolute(), out.absolute(), model, pool.threads)] = one
                left.remove(one)
            raise_if_cancelled()
            for ended in wait(running, LOOK, FIRST_COMPLETED).done:
                one = running.pop(ended)
                ended.result()
                yield one


def _ready(left: Sequence[NamedRun], known: dict[str, RunFolder]) -> list[NamedRun]:
    """Return the runs whose trainings are finished."""
    return [one for one in left if all(known[digest(training)].finished for training in required_trainings(one.run))]


def _raise_failure(ended: Future[None], one: NamedRun) -> None:
    """Raise a run's error.

    SakugaError for a worker that died.
    """
    try:
        ended.result()
    except BrokenProcessPool as error:
        raise SakugaError(
            f"the worker of run {one.name!r} was killed, perhaps for lack of memory: free some, or use fewer --jobs; "
            "finished runs are stored, and the same command resumes"
        ) from error


@contextmanager
def _block_interrupts() -> Iterator[None]:
    """Block interrupts in processes started inside.

    Until they install a handler.

    A no-op on Windows.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    ensure_running()  # starting it later would reset the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_in_time() -> None:
    """End with the study's process, and on an interrupt."""
    end_with_parent()
    _exit_on_interrupt()


def _exit_on_interrupt() -> None:
    """Exit quietly on an interrupt, with generators closed.

    The parent process reports it.
    """

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one may come while the run is saved
        raise SystemExit(130)

    signal.signal(signal.SIGINT, stop)


def _worker(one: NamedRun, folder: Path, out: Path, model: str, threads: int) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # a pending one ends the run before it starts
    import torch

    torch.set_num_threads(threads)
    for _ in execute_run(one.run, RunFolder(folder), out, model):
        pass
