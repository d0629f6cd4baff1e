"""Run a table: every run once, what it needs first, finished ones never again, several at a time where asked."""

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
from sakuga.studies.execution import judge_again, perform
from sakuga.studies.folders import RunFolder, alone_in, begin_run, known_runs
from sakuga.studies.results import Results
from sakuga.studies.values import Named, Teach, Trial, digest, in_order, needs
from sakuga.studio import Step


def run_table(runs: Sequence[Named], out: Path, model: str, jobs: int = 1) -> Generator[Step, None, Results]:
    """Run what is not finished; a run that was begun goes on. Yields a step for each that ends.

    Pictures that others judged, such as an earlier label classifier, are judged again.
    Raises InputError where another process is at work in the same folder.
    """
    with alone_in(out):
        table = in_order(tuple(runs))
        known = known_runs(out)
        waiting = [one for one in table if not ((folder := known.get(digest(one.run))) and folder.finished)]
        performed = len(waiting)
        yield Step(stage="running", done=len(table) - performed, total=len(table))
        for one in waiting:
            if digest(one.run) not in known:
                known[digest(one.run)] = begin_run(out, one)
        done = len(table) - performed
        for one in _performed(waiting, known, out, model, jobs):
            done += 1
            yield Step(stage="running", done=done, total=len(table), note=f"{one.name} is done")
        for one in table:
            if isinstance(one.run, Trial) and judge_again(one.run, known[digest(one.run)], model):
                yield Step(stage="finishing", note=f"{one.name} is judged again")
        return Results(folders={digest(one.run): known[digest(one.run)] for one in table}, performed=performed)


def _performed(waiting: Sequence[Named], known: dict[str, RunFolder], out: Path, model: str, jobs: int) -> Generator[Named, None, None]:
    """Do each run as soon as what it needs is finished, in processes beside this one.

    A training has a process of its own, so that its peak of memory is its own too; pictures are drawn by processes that stay.
    """
    left = list(waiting)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # processes that spin starve each other
    spawn, others = get_context("spawn"), set(active_children())
    with (
        ProcessPoolExecutor(jobs, spawn, initializer=_stopped_quietly, max_tasks_per_child=1) as teaching,
        ProcessPoolExecutor(jobs, spawn, initializer=_stopped_quietly) as drawing,
    ):
        doing: dict[Future[None], Named] = {}
        try:
            while left or doing:
                ready = [one for one in left if all(known[digest(teach)].finished for teach in needs(one.run))][: jobs - len(doing)]
                for one in ready:
                    pool = teaching if isinstance(one.run, Teach) else drawing
                    with _interrupts_held():
                        doing[pool.submit(_worker, one, known[digest(one.run)].path, out, model, threads)] = one
                left = [one for one in left if one not in ready]
                for ended in wait(doing, return_when=FIRST_COMPLETED).done:
                    one = doing.pop(ended)
                    _heard(ended, one)
                    yield one
        except BaseException:
            for child in set(active_children()) - others:
                if child.pid:
                    os.kill(child.pid, signal.SIGINT)
            for pool in (teaching, drawing):
                pool.shutdown(cancel_futures=True)
            raise


def _heard(ended: Future[None], one: Named) -> None:
    """Raise what a run raised; a process that died has no words of its own."""
    try:
        ended.result()
    except BrokenProcessPool as error:
        raise SakugaError(
            f"the run {one.name!r} was ended from outside, as where memory runs out: free some, or ask for fewer --jobs; "
            "what is finished is kept, and the same command goes on"
        ) from error


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Keep interrupts from the processes that begin meanwhile, until they have something to end; Windows has no such mask."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    ensure_running()  # it would let go of the mask, once
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stopped_quietly() -> None:
    """Let an interrupt end a process beside without a word, what it was at closed and saved: the one that asked says it."""

    def stop(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one may come while what was done is saved
        raise SystemExit(130)

    signal.signal(signal.SIGINT, stop)


def _worker(one: Named, folder: Path, out: Path, model: str, threads: int) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # one that waited ends the run before it begins
    import torch

    torch.set_num_threads(threads)
    for _ in perform(one.run, RunFolder(folder), out, model):
        pass
