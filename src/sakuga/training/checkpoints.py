"""Checkpoints of a run: whole or absent, the newest whole one found again, and no more kept than asked for."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sakuga import SakugaError
from sakuga.files import write_whole

BEST = "best.safetensors"
MARGIN = 16 * 2**20
"""Bytes that a disk must have left beside what is written."""


class DiskFull(SakugaError):
    """No room for the next checkpoint; the sentence says what is safe and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A checkpoint as it was read: the tensors, and words about them."""

    path: Path
    step: int
    about: Mapping[str, str]
    tensors: Mapping[str, Tensor]


def path_of(folder: Path, step: int) -> Path:
    """Tell where the checkpoint of a step lies."""
    return folder / f"step-{step:08d}.safetensors"


def listed(folder: Path) -> list[Path]:
    """List the checkpoints of a run, the newest first."""
    return sorted(folder.glob("step-*.safetensors"), reverse=True)


def save(folder: Path, step: int, tensors: Mapping[str, Tensor], about: Mapping[str, str], keep: int) -> Path:
    """Write a checkpoint, and then delete the oldest over the number to keep. Raises DiskFull where it could not be written."""
    path = path_of(folder, step)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        write_whole(path, partial(save_file, dict(tensors), metadata={**about, "step": str(step)}))
    except (OSError, SafetensorError) as error:
        there = listed(folder)
        kept = f"the last checkpoint is {there[0].name}" if there else "there is no checkpoint yet"
        raise DiskFull(f"checkpoint {path} could not be written ({error}): {kept}; make room on the disk and resume") from None
    for old in listed(folder)[keep:]:
        old.unlink(missing_ok=True)
    return path


def keep_best(folder: Path, path: Path) -> None:
    """Keep a checkpoint as the best one."""
    write_whole(folder / BEST, partial(shutil.copyfile, path))


def room_left(folder: Path, tensors: Mapping[str, Tensor]) -> bool:
    """Tell whether two more such checkpoints fit on the disk: the one to be written, and the one written to stop in time."""
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    return shutil.disk_usage(folder).free > 2 * size + MARGIN


def read(path: Path) -> Saved:
    """Read a checkpoint; raises SafetensorError, OSError or KeyError where it is damaged."""
    with safe_open(path, framework="pt") as file:
        about = dict(file.metadata())
        return Saved(path=path, step=int(about["step"]), about=about, tensors={key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118


def newest(folder: Path) -> tuple[Saved | None, list[str]]:
    """Read the newest checkpoint that is whole, and say of each newer one why it is not."""
    notes: list[str] = []
    for path in listed(folder):
        try:
            return read(path), notes
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            notes.append(f"{path.name} is cut short or damaged ({error}): the one before is taken")
    return None, notes


def leftovers(folder: Path) -> Iterator[Path]:
    """Delete what a killed process left half written, yielding each."""
    for path in folder.glob(".*.safetensors.*"):
        with suppress(OSError):
            path.unlink()
            yield path
