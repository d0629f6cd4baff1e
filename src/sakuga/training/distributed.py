"""Processes that train together: launched from outside, or started here."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

from sakuga import InputError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from torch import nn

    Pipe = Connection[Any, Any]

Item = TypeVar("Item")
TIMEOUT = timedelta(minutes=30)
"""How long a process waits for the others, while the main one measures, generates samples and saves."""


def launched_processes() -> int:
    """Return how many processes `torchrun` or `accelerate launch` started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main_process() -> bool:
    """Return whether this launched process writes files and logs."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def process_group(device: str) -> Iterator[str]:
    """Join the launched processes for the block.

    Yields this process's device.
    """
    if launched_processes() == 1:
        yield device
        return
    import torch
    from torch import distributed

    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    own = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if on_gpu else device
    if on_gpu:
        torch.cuda.set_device(own)
    distributed.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=TIMEOUT)
    try:
        yield own
    finally:
        distributed.destroy_process_group()


def check_launch() -> None:
    """Raise InputError where too few processes were launched.

    On CPUs it sets the address of the others, starts a single process, and does not say so.
    """
    if os.environ.get("ACCELERATE_USE_CPU") == "True" and "MASTER_ADDR" in os.environ and "WORLD_SIZE" not in os.environ:
        raise InputError(
            "on CPUs `accelerate launch` starts one process, whatever number it is given: start them with "
            "`torchrun --nproc-per-node 2 -m sakuga train ...`"
        )


def wait_for_everyone() -> None:
    """Block until every process of the group is here."""
    if _joined():
        from torch import distributed

        distributed.barrier()


def rank() -> int:
    """Return this process's number in the group.

    0 is the main process.
    """
    from torch import distributed

    return distributed.get_rank() if _joined() else 0


def world_size() -> int:
    """Return how many processes the group has.

    1 without a group.
    """
    from torch import distributed

    return distributed.get_world_size() if _joined() else 1


def average_gradients(networks: "nn.Module", *, half: bool) -> None:
    """Average gradients over all processes.

    `half` sends them in bfloat16. Sending bfloat16 takes a fifth of the time (11 ms against 54).
    """
    if not _joined():
        return
    import torch
    from torch import distributed

    gradients = [parameter.grad for parameter in networks.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    flat = flat.bfloat16() if half else flat
    distributed.all_reduce(flat)
    means = torch.split_with_sizes(flat / world_size(), [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def any_process(flag: bool) -> bool:
    """Return whether `flag` is set in any process.

    So all stop at the same step.
    """
    if not _joined():
        return flag
    import torch
    from torch import distributed

    raised = torch.tensor(float(flag))
    distributed.all_reduce(raised)
    return bool(raised > 0)


@contextmanager
def main_process_first() -> Iterator[None]:
    """Run the block in the main process before the others.

    These then find its files.
    """
    if rank() > 0:
        wait_for_everyone()
    yield
    if rank() == 0:
        wait_for_everyone()


def run_in_processes(workers: int, work: Callable[..., Generator[Item, None, None]], *arguments: Any) -> Generator[Item, None, None]:
    """Iterate `work(*arguments)` in `workers` processes of one group.

    Yields the items of rank 0. With one worker it runs in this process. The others advance with each item; closing the iterator, or the end
    of this process, closes all. An error in one process ends all and is raised. On a CPU without wide vector units two threads in one
    process were no faster than one (14.8 samples a second against 15.6); two processes are.
    """
    if workers == 1:
        yield from work(*arguments)
        return
    import torch

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pipe, far_end = get_context("spawn").Pipe()
    spawn: Any = torch.multiprocessing.spawn  # type: ignore[attr-defined]
    processes = spawn(_run_worker, args=(workers, port, far_end, work, arguments), nprocs=workers, join=False)
    far_end.close()
    try:
        while (item := _receive(pipe)) is not None:
            yield item
            pipe.send(True)
    finally:
        pipe.close()
        while not processes.join():
            pass


def _run_worker(
    rank: int, workers: int, port: int, pipe: "Pipe", work: Callable[..., Generator[Any, None, None]], arguments: tuple[Any, ...]
) -> None:
    from torch import distributed

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which closes the workers between two steps.
    if rank > 0:
        pipe.close()
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=workers, timeout=TIMEOUT)
    try:
        with closing(work(*arguments)) as items:
            for item in items:
                if any_process(rank == 0 and not _continues(pipe, item)):
                    break
    finally:
        distributed.destroy_process_group()


def _continues(pipe: "Pipe", item: object) -> bool:
    """Send an item.

    Return whether the parent wants another, and is still there.
    """
    try:
        pipe.send(item)
    except OSError:
        return False
    return _receive(pipe) is not None


def _receive(pipe: "Pipe") -> Any:
    """Return what the other end sends.

    None once it is closed.
    """
    try:
        return pipe.recv()
    except (EOFError, ConnectionResetError):
        return None


def _joined() -> bool:
    """Return whether this process is in a group.

    Without torch loaded it is not.
    """
    if "torch" not in sys.modules:
        return False
    from torch import distributed

    return distributed.is_available() and distributed.is_initialized()
