"""Several processes that train one network: each takes its own samples, and at every step their gradients are averaged.

On a CPU without wide units two threads in one process were no faster than one (14.8 samples a second against 15.6); two processes are.
"""

import signal
import socket
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import distributed, nn, tensor

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    Line = Connection[Any, Any]

Item = TypeVar("Item")
PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others: the first one measures, draws and saves now and then."""


def rank() -> int:
    """Return this process's number; 0 leads, and alone writes files."""
    return distributed.get_rank() if _joined() else 0


def size() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if _joined() else 1


def average_gradients(networks: nn.Module, *, half: bool) -> None:
    """Give every process the mean of all gradients; sent in bfloat16 if `half`, which takes a fifth of the time (11 ms against 54)."""
    if not _joined():
        return
    gradients = [parameter.grad for parameter in networks.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    flat = flat.bfloat16() if half else flat
    distributed.all_reduce(flat)
    means = torch.split_with_sizes(flat / size(), [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def any_says(flag: bool) -> bool:
    """Return whether the flag is raised in any process, so that all stop at the same step."""
    if not _joined():
        return flag
    raised = tensor(float(flag))
    distributed.all_reduce(raised)
    return bool(raised > 0)


@contextmanager
def leader_first() -> Iterator[None]:
    """Let the first process through before the others, so that they find on the disk what it has made."""
    if rank() > 0:
        distributed.barrier()
    yield
    if rank() == 0 and _joined():
        distributed.barrier()


def run_together(workers: int, work: Callable[..., Generator[Item, None, None]], *given: Any) -> Generator[Item, None, None]:
    """Iterate `work(*given)` in so many processes that know of each other, yielding what the first one yields; with one, here.

    They go on as it is asked for the next. Closing the iterator closes that of every process, and so does the end of this process.
    An error in one of them ends all and is raised.
    """
    if workers == 1:
        yield from work(*given)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line, far_end = get_context("spawn").Pipe()
    spawn: Any = torch.multiprocessing.spawn  # type: ignore[attr-defined]
    processes = spawn(_joined_work, args=(workers, port, far_end, work, given), nprocs=workers, join=False)
    far_end.close()
    try:
        while (item := _received(line)) is not None:
            yield item
            line.send(True)
    finally:
        line.close()
        while not processes.join():
            pass


def _joined_work(
    rank: int, workers: int, port: int, line: "Line", work: Callable[..., Generator[Any, None, None]], given: tuple[Any, ...]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to who started them, and comes from there between two steps.
    if rank > 0:
        line.close()
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=workers, timeout=PATIENCE)
    try:
        with closing(work(*given)) as items:
            for item in items:
                if any_says(rank == 0 and not _wanted(line, item)):
                    break
    finally:
        distributed.destroy_process_group()


def _wanted(line: "Line", item: object) -> bool:
    """Hand an item over, and wait; return whether who started this process wants more, or is gone."""
    try:
        line.send(item)
    except OSError:
        return False
    return _received(line) is not None


def _received(line: "Line") -> Any:
    """Return what the other end sends; None where it is closed."""
    try:
        return line.recv()
    except (EOFError, ConnectionResetError):
        return None


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()
