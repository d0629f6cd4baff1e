"""Checkpoints of a training run, written atomically."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from sakuga import SakugaError
from sakuga.files import write_atomic
from sakuga.models.saving import save_file

BEST = "best.safetensors"
MARGIN = 16 * 2**20
"""Bytes that must stay free on the disk."""


class DiskFull(SakugaError):
    """The disk has no room for another checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedCheckpoint:
    """A checkpoint read from its file: tensors and metadata."""

    path: Path
    step: int
    metadata: Mapping[str, str]
    tensors: Mapping[str, Tensor]


def checkpoint_path(folder: Path, step: int) -> Path:
    """Return the path of a step's checkpoint."""
    return folder / f"step-{step:08d}.safetensors"


def list_checkpoints(folder: Path) -> list[Path]:
    """List a run's checkpoints, the newest first."""
    return sorted(folder.glob("step-*.safetensors"), reverse=True)


def save(folder: Path, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, str], keep: int) -> Path:
    """Write a checkpoint, then delete the oldest beyond `keep`.

    Raises DiskFull.
    """
    path = checkpoint_path(folder, step)
    _write(path, step, tensors, metadata)
    for old in list_checkpoints(folder)[keep:]:
        old.unlink(missing_ok=True)
    return path


def save_best(folder: Path, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write the checkpoint of the best step; raises DiskFull."""
    _write(folder / BEST, step, tensors, metadata)


def _write(path: Path, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_atomic(path, partial(save_file, dict(tensors), metadata={**metadata, "step": str(step)}))
    except (OSError, SafetensorError) as error:
        there = list_checkpoints(path.parent)
        last = f"the last checkpoint is {there[0].name}" if there else "there is no checkpoint yet"
        raise DiskFull(f"checkpoint {path} could not be written ({error}): {last}; free some disk space and resume") from None


def has_room(folder: Path, tensors: Mapping[str, Tensor]) -> bool:
    """Return whether the disk has room for two more checkpoints.

    One is written now, the other when the training stops for lack of room.
    """
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    return shutil.disk_usage(folder).free > 2 * size + MARGIN


def read(path: Path) -> SavedCheckpoint:
    """Read a checkpoint.

    Raises SafetensorError, OSError or KeyError where it is damaged.
    """
    with safe_open(path, framework="pt") as file:
        metadata = dict(file.metadata())
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    return SavedCheckpoint(path=path, step=int(metadata["step"]), metadata=metadata, tensors=tensors)


def read_newest(folder: Path) -> tuple[SavedCheckpoint | None, list[str]]:
    """Read the newest intact checkpoint.

    Returns it with a note on each newer, damaged one.
    """
    notes: list[str] = []
    for path in list_checkpoints(folder):
        try:
            return read(path), notes
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            notes.append(f"{path.name} is truncated or damaged ({error}): using the one before")
    return None, notes
