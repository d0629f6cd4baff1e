"""Open one network of a folder whole, or say why not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError

from sakuga.models.checkpoint_files import CheckpointError


def opened(kind: Any, folder: Path, dtype: torch.dtype, variant: str | None = None) -> Any:
    """Open a network of diffusers or transformers from safetensors, ready to read with.

    Raises CheckpointError where a file is cut short, or where the weights are not those of the config: the libraries would fill up
    what is missing with random numbers, and say so only in a warning.
    """
    try:
        with quiet():
            network, told = kind.from_pretrained(
                folder, dtype=dtype, variant=variant, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        if damage := _damage(error):
            raise CheckpointError(f"{folder}: the weights are cut short or damaged ({damage}): copy them anew") from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"{folder} cannot be opened: {reason}") from error
    if missing := sorted(told["missing_keys"]):
        raise CheckpointError(f"{folder}: {len(missing)} weights that its config asks for are missing ({missing[0]}): copy it anew")
    return network.eval().requires_grad_(False)


def _damage(error: BaseException | None) -> SafetensorError | None:
    """Find what safetensors said, beneath what the libraries made of it."""
    while error:
        if isinstance(error, SafetensorError):
            return error
        error = error.__context__
    return None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' own words and bars off the screen."""
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
