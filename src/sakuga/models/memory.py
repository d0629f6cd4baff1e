"""Memory that runs out."""

import torch


def is_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, on any device."""
    named = any(word in str(error) for word in ("DefaultCPUAllocator", "out of memory"))
    return named or isinstance(error, MemoryError | torch.OutOfMemoryError)
