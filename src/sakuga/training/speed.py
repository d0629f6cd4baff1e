"""Devices and number formats that train fastest."""

import torch


def pick_device(name: str = "auto") -> torch.device:
    """Return the device of that name.

    "auto" is the GPU where there is one, else the CPU. "auto" is the GPU where there is one, else the CPU.
    """
    return torch.device("cuda" if name == "auto" and torch.cuda.is_available() else "cpu" if name == "auto" else name)


def default_precision(device: torch.device) -> str:
    """Return the fastest number format without loss of quality."""
    return "bf16" if bf16_is_fast(device) else "fp32"


def bf16_is_fast(device: torch.device) -> bool:
    """Return whether a device has bfloat16 units.

    GPUs have, and CPUs with AVX-512 BF16.
    """
    return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
