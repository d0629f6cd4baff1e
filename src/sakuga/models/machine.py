"""This machine, as far as it decides the bits of a network's outputs."""

import os
import platform
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch


def machine() -> tuple[Any, ...]:
    """Return processor, instruction set, threads, and settings of the libraries."""
    settings = {name: value for name, value in os.environ.items() if name.startswith(("ONEDNN_", "DNNL_", "MKL_", "OV_"))}
    return (processor(), torch.backends.cpu.get_cpu_capability(), torch.__version__, torch.get_num_threads(), settings)


@lru_cache(maxsize=1)
def processor() -> str:
    """Return the name of the processor's model."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = ("vendor_id", "cpu family", "model", "model name", "stepping")
        return "; ".join(dict.fromkeys(line for line in lines if line.split("\t")[0] in names))
    return platform.processor()
