"""Converted single-file checkpoints in $SAKUGA_HOME/checkpoints, each converted once."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sakuga.files import atomic_folder, write_text
from sakuga.models.checkpoint_files import MODEL_INDEX, CheckpointError, file_digest
from sakuga.models.single_file.header import PredictionType, SingleFile, read_single_file
from sakuga.paths import home

CHECKPOINTS, DIGESTS = "checkpoints", "digests"
EDITION = 1
"""Rises when a conversion gives other weights or configs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleFileChoice:
    """A single file with what it does not tell itself."""

    path: Path
    prediction: PredictionType | None = None
    """None reads it from the file."""
    zero_snr: bool | None = None
    """Whether the noise schedule ends in pure noise; None reads it from the file."""
    vae: Path | None = None
    """A file with another VAE."""

    def resolved(self) -> tuple[SingleFile, SingleFile, PredictionType, bool]:
        """Return file, VAE's file, prediction type and zero SNR; raises CheckpointError where one is open."""
        file = read_single_file(self.path)
        family, prediction = file.family, self.prediction or file.prediction
        if prediction is None:
            raise CheckpointError(
                f"checkpoint '{self.path}' is a Stable Diffusion 2.x, which does not tell its prediction type: give "
                "--prediction v_prediction (trained at 768 pixels) or --prediction epsilon (at 512), or keep it with "
                f"`sakuga model add {self.path} --prediction v_prediction`"
            )
        if not self.vae and not file.has_vae:
            raise CheckpointError(
                f"checkpoint '{self.path}' has no VAE: give one with --vae FILE.safetensors, or keep it with "
                f"`sakuga model add {self.path} --vae FILE.safetensors`"
            )
        assert family
        zero_snr = file.zero_terminal_snr if self.zero_snr is None else self.zero_snr
        return file, read_single_file(self.vae) if self.vae else file, prediction, zero_snr


def converted_folder(choice: SingleFileChoice) -> Path:
    """Return a single file's folder in diffusers' layout, converting it at first use; raises CheckpointError."""
    for _ in convert(choice):
        pass
    return converted_path(choice)


def convert(choice: SingleFileChoice) -> Iterator[str]:
    """Convert a single file unless that is done, yielding the name of each finished component; raises CheckpointError."""
    file, vae, prediction, zero_snr = choice.resolved()
    folder = converted_path(choice)
    if (folder / MODEL_INDEX).is_file():
        return
    _check_space(choice, folder)
    from sakuga.models.single_file.conversion import convert_single_file

    try:
        with atomic_folder(folder) as draft:
            yield from convert_single_file(file, vae, draft, prediction, zero_snr)
    except OSError as error:
        if not (folder / MODEL_INDEX).is_file():  # else another process was faster
            raise CheckpointError(f"checkpoint '{choice.path}' cannot be converted into {folder}: {error}") from error


def converted_path(choice: SingleFileChoice) -> Path:
    """Return where a single file is converted to; its name is a digest of file and choices."""
    _, vae, prediction, zero_snr = choice.resolved()
    parts = (EDITION, remembered_digest(choice.path), remembered_digest(vae.path), prediction, zero_snr)
    return home() / CHECKPOINTS / hashlib.sha256(repr(parts).encode()).hexdigest()


def remembered_digest(path: Path) -> str:
    """Return a file's sha256, remembered on the disk by its path, size and time of change."""
    state = path.stat()
    key = hashlib.sha256(f"{path.resolve()}\n{state.st_size}\n{state.st_mtime_ns}".encode()).hexdigest()
    note = home() / CHECKPOINTS / DIGESTS / key
    if note.is_file() and len(known := note.read_text(encoding="ascii")) == len(key):
        return known
    digest = file_digest(path)
    write_text(note, digest)
    return digest


def _check_space(choice: SingleFileChoice, folder: Path) -> None:
    """Refuse a conversion that the disk has no room for; raises CheckpointError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    needed, free = choice.path.stat().st_size, shutil.disk_usage(folder.parent).free
    if needed > free:
        raise CheckpointError(
            f"checkpoint '{choice.path}' is converted into {folder.parent} at first use, which takes {needed / 1e9:.1f} GB, but "
            f"{free / 1e9:.1f} GB are free: make room, or set SAKUGA_HOME to another disk"
        )
