"""Loading of networks, and their errors."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from torch.nn import init

from sakuga.models.checkpoint_files import CheckpointError, CheckpointFiles, weight_files
from sakuga.models.clip_text import ClipTextEncoder, is_plain_clip
from sakuga.models.embeddings import EncoderName
from sakuga.models.lora_keys import TEXT_MODEL
from sakuga.models.tensor_files import load_tensors

UNBUILDABLE = (OSError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError, NotImplementedError)
"""What a network raises whose config says what none has: unknown layers, no heads, sizes that do not divide."""


def load_network(kind: Any, folder: Path, dtype: torch.dtype, variant: str | None = None) -> Any:
    """Load a network from safetensors, frozen and in eval mode.

    Raises CheckpointError where a file is truncated, or where the weights are not those of the config: the libraries would fill missing
    weights with random numbers after a mere warning.
    """
    if assembled := _assemble(kind, folder, dtype):
        return assembled
    try:
        with quiet_libraries():
            network, report = kind.from_pretrained(
                folder, dtype=dtype, variant=variant, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
    except (SafetensorError, RuntimeError, *UNBUILDABLE) as error:
        if damage := _damage(error):
            raise CheckpointError(f"{folder}: the weights are truncated or damaged ({damage}): download them again") from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"cannot load {folder}: {reason}") from error
    if missing := sorted(report["missing_keys"]):
        raise CheckpointError(f"{folder}: {len(missing)} weights of its config are missing ({missing[0]}): download it again")
    return network.eval().requires_grad_(False)


def load_text_encoder(files: CheckpointFiles, name: EncoderName, dtype: torch.dtype) -> Any:
    """Load a text encoder, frozen and in eval mode; raises CheckpointError."""
    config, folder = files.config(name), files.folder / name
    projected = name == "text_encoder_2"
    weights = weight_files(folder, files.name)
    if is_plain_clip(config) and len(weights) == 1:
        with suppress(*UNBUILDABLE), _uninitialized():
            network = ClipTextEncoder(config, projected=projected)
            if _fill(network, weights[0], dtype):
                return network.eval().requires_grad_(False)
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    kind = CLIPTextModelWithProjection if projected else CLIPTextModel
    return load_network(kind, folder, dtype, "fp16" if ".fp16." in weights[0].name else None)


def _assemble(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    """Build a network of diffusers around its weights; None where its own loader must convert them or say what is wrong.

    That loader needs accelerate, which takes a third of a second to import.
    """
    if not kind.__module__.startswith("diffusers.") or getattr(kind, "_keep_in_fp32_modules", None):
        return None
    try:
        (weights,) = weight_files(folder, folder.name)
        with quiet_libraries(), _uninitialized():
            network = kind.from_config(kind.load_config(folder, local_files_only=True))
    except (CheckpointError, *UNBUILDABLE):
        return None
    return network.eval().requires_grad_(False) if _fill(network, weights, dtype) else None


def _fill(network: nn.Module, file: Path, dtype: torch.dtype) -> bool:
    """Give a network its weights; False where they are not exactly those it has."""
    try:
        weights = {name.removeprefix(TEXT_MODEL): value.to(dtype) for name, value in load_tensors(file).items()}
        expected = network.state_dict()
        weights = {name: value for name, value in weights.items() if name in expected or not name.endswith("position_ids")}
        if any(value.shape != expected[name].shape for name, value in weights.items()):
            return False
        network.load_state_dict(weights, assign=True)
    except (SafetensorError, OSError, KeyError, RuntimeError):
        return False
    return True


@contextmanager
def _uninitialized() -> Iterator[None]:
    """Build networks without random weights inside a block; memory that is never written costs nothing."""
    names = [name for name in vars(init) if name.endswith("_") and not name.startswith("_")]
    before = {name: getattr(init, name) for name in names}
    try:
        for name in names:
            setattr(init, name, lambda tensor, *_, **__: tensor)
        yield
    finally:
        for name, function in before.items():
            setattr(init, name, function)


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
    loggings = [sys.modules[name].utils.logging for name in ("diffusers", "transformers") if name in sys.modules]
    before = [(logging, logging.get_verbosity(), logging.is_progress_bar_enabled()) for logging in loggings]
    for logging in loggings:
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    try:
        yield
    finally:
        for logging, level, bars in before:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()


OUT_OF_MEMORY = ("DefaultCPUAllocator", "out of memory", "bad_alloc", "could not create a primitive", "could not create a memory")
"""What errors of torch, OpenVINO and oneDNN say where memory ran out; oneDNN says it of no other thing that these networks do."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out, on any device."""
    named = any(text in str(error) for text in OUT_OF_MEMORY)
    return named or isinstance(error, MemoryError | torch.OutOfMemoryError)
