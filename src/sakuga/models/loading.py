"""Loading of networks, and their errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError

from sakuga.models.checkpoint_files import CheckpointError


def load_network(kind: Any, folder: Path, dtype: torch.dtype, variant: str | None = None) -> Any:
    """Load a network from safetensors, frozen and in eval mode.

    Raises CheckpointError where a file is truncated, or where the weights are not those of the config: the libraries would fill missing
    weights with random numbers after a mere warning.
    """
    try:
        with quiet_libraries():
            network, report = kind.from_pretrained(
                folder, dtype=dtype, variant=variant, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        if damage := _damage(error):
            raise CheckpointError(f"{folder}: the weights are truncated or damaged ({damage}): download them again") from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"cannot load {folder}: {reason}") from error
    if missing := sorted(report["missing_keys"]):
        raise CheckpointError(f"{folder}: {len(missing)} weights of its config are missing ({missing[0]}): download it again")
    return network.eval().requires_grad_(False)


def _damage(error: BaseException | None) -> SafetensorError | None:
    """Return the error of safetensors that the libraries wrapped."""
    while error:
        if isinstance(error, SafetensorError):
            return error
        error = error.__context__
    return None


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence warnings and progress bars of diffusers and transformers."""
    logging, others = transformers.utils.logging, diffusers.utils.logging
    level, other_level, bars = logging.get_verbosity(), others.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    others.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        others.set_verbosity(other_level)
        if bars:
            logging.enable_progress_bar()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out, on any device."""
    named = any(text in str(error) for text in ("DefaultCPUAllocator", "out of memory"))
    return named or isinstance(error, MemoryError | torch.OutOfMemoryError)
