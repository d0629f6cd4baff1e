"""Trainings that `accelerate launch` or `torchrun` starts several times: processes that learn one thing together, each on its GPU."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sakuga import InputError

PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others: the first one draws and writes now and then."""


def processes() -> int:
    """Return how many processes were launched."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def leads() -> bool:
    """Return whether this process is the one that says, draws and writes."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def joined(device: str) -> Iterator[str]:
    """Let the launched processes know of each other for as long as the block lasts; yields the name of this one's device.

    Raises InputError where others were asked for and not started.
    """
    if processes() == 1:
        _refuse_alone()
        yield device
        return
    import torch
    from torch import distributed

    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    own = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if on_gpu else device
    if on_gpu:
        torch.cuda.set_device(own)
    distributed.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=PATIENCE)
    try:
        yield own
    finally:
        distributed.destroy_process_group()


def wait_for_all() -> None:
    """Wait until every process is here."""
    if processes() > 1:
        from torch import distributed

        distributed.barrier()


def _refuse_alone() -> None:
    """Refuse to be the only one of several: on CPUs accelerate names the others' address, starts one process, and does not say so."""
    if os.environ.get("ACCELERATE_USE_CPU") == "True" and "MASTER_ADDR" in os.environ and "WORLD_SIZE" not in os.environ:
        raise InputError(
            "on CPUs `accelerate launch` starts one process, however many are asked for: start them by "
            "`torchrun --nproc-per-node 2 -m sakuga train ...`"
        )
