"""Runs of a study as tasks of a Ray cluster."""

import os
import socket
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from sakuga import SakugaError
from sakuga.rendering.ray_cluster import connect, free_nodes, share_of, torch_threads
from sakuga.rendering.requested_executor import VARIABLE

RETRIES = 3
"""How often a run goes on elsewhere after its machine was lost."""


class ClusterPool:
    """Submits functions to a cluster, each to one device, as an executor of concurrent.futures does.

    A function whose machine is lost is called again on another one.
    """

    def __init__(self) -> None:
        self._ray = connect()
        self._share = share_of(self._ray.nodes(), "auto", torch_threads())
        self._running: dict[Future[None], Any] = {}

    @property
    def room(self) -> int:
        """For how many functions there is room at once; at least one."""
        return max(1, sum(free_nodes(self._ray.nodes(), self._share).values()))

    @property
    def threads(self) -> int:
        """Threads of torch for each function."""
        return self._share.threads

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown(cancel_futures=True)

    def submit(self, function: Callable[..., None], folder: Path, *arguments: Any) -> Future[None]:
        """Call `function(*arguments)` on the cluster; `folder` must be seen there."""
        task = self._ray.remote(_call).options(**self._share.options(), max_retries=RETRIES)
        reference = task.remote(function, folder.absolute(), arguments)
        future: Future[None] = Future()
        self._running[future] = reference
        reference.future().add_done_callback(lambda done: self._end(future, done))
        return future

    def shutdown(self, cancel_futures: bool = False) -> None:
        """Interrupt what still runs; a training is saved and can be resumed."""
        for reference in list(self._running.values()) if cancel_futures else ():
            with suppress(Exception):
                self._ray.cancel(reference)

    def _end(self, future: Future[None], done: "Future[Exception | None]") -> None:
        self._running.pop(future, None)
        try:
            error = done.result()
        except Exception as lost:
            error = SakugaError(f"its machine was lost {RETRIES + 1} times ({str(lost).splitlines()[0]}): the same command resumes")
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)


def _call(function: Callable[..., None], folder: Path, arguments: tuple[Any, ...]) -> Exception | None:
    """Call a function on a machine of the cluster; errors are returned."""
    from sakuga.rendering.worker_executor import portable

    os.environ[VARIABLE] = "local"
    if not folder.is_dir():
        return SakugaError(f"{socket.gethostname()} does not see {folder}: put the study in a folder that all machines mount")
    try:
        function(*arguments)
    except Exception as error:
        return portable(error)
    return None
