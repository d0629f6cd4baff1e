"""Machine classes: machines of one class give a frame the same bytes."""

import os
import platform
from functools import cache
from pathlib import Path

VARIABLE = "SAKUGA_MACHINE_CLASS"
"""The environment variable that names this machine's class, where an owner knows better than the names of its parts."""


def machine_class(device: str, engine: str) -> str:
    """Name the class of this machine: processor, threads and libraries.

    `device` is torch's, `engine` the title of what runs the networks.
    """
    import torch

    if named := os.environ.get(VARIABLE):
        return named
    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}, torch {torch.__version__}"
    runs = engine if engine != "torch" else ""
    threads = torch.get_num_threads()
    parts = (_processor(), f"{threads} thread{'s' * (threads > 1)}", f"torch {torch.__version__}", runs)
    return ", ".join(filter(None, parts))


@cache
def _processor() -> str:
    """Return the processor's name and the instructions that torch uses on it."""
    import torch

    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.is_file():
        lines = (line.partition(":") for line in information.read_text(encoding="utf-8", errors="replace").splitlines())
        name = next((value.strip() for key, _, value in lines if key.strip() == "model name"), name)
    return f"{name} {torch.backends.cpu.get_cpu_capability()}"
