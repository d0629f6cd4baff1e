"""Devices and number formats that train fastest."""

import torch

from sakuga import InputError


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of that name.

    "auto" is the GPU where there is one, else the CPU. Raises InputError for a name that torch does not know.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.device(name)
    except RuntimeError:
        raise InputError(f"device: there is no {name!r}; choose auto, cpu, cuda or cuda:1") from None


def default_precision(device: torch.device) -> str:
    """Return the fastest number format without loss of quality."""
    return "bf16" if bf16_is_fast(device) else "fp32"


def bf16_is_fast(device: torch.device) -> bool:
    """Return whether a device has bfloat16 units.

    GPUs have, and CPUs with AVX-512 BF16.
    """
    return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
