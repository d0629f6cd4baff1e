"""Checkpoints in the folders of A1111, Forge and ComfyUI."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sakuga.files import read_utf8
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.model_registry import RegisteredModel
from sakuga.models.yaml_texts import parse_yaml

ENDINGS = (".safetensors", ".ckpt")
FOLDERS = ("models/Stable-diffusion", "models/checkpoints", "checkpoints", "Stable-diffusion")


def webui_checkpoints(folder: Path, *, optional: bool = False) -> Iterator[tuple[str, RegisteredModel]]:
    """Yield the checkpoints of another program's folder, by their file names; raises CheckpointError where there is none.

    With `optional` there may be none, and they are looked for where that program keeps them alone.

    Pickles are among them, to be refused by name. As in A1111, NAME.vae.safetensors beside a checkpoint is its VAE, and NAME.yaml tells its
    prediction type.
    """
    roots = [folder / name for name in FOLDERS if (folder / name).is_dir()] or ([] if optional else [folder])
    every = {path for root in roots for ending in ENDINGS for path in root.rglob(f"*{ending}") if path.is_file()}
    files = sorted(path for path in every if path.suffixes[-2:-1] != [".vae"])
    if not files and not optional:
        raise CheckpointError(f"{folder} has no {' or '.join(ENDINGS)} files in {', '.join(FOLDERS)}: give the program's folder")
    for file in files:
        vae = file.with_suffix(".vae.safetensors")
        velocity = _predicts_velocity(file.with_suffix(".yaml"))
        yield (
            file.stem,
            RegisteredModel(
                path=str(file.resolve()),
                prediction=None if velocity is None else "v_prediction" if velocity else "epsilon",
                vae=str(vae.resolve()) if vae.is_file() else None,
            ),
        )


def _predicts_velocity(config: Path) -> bool | None:
    """Read the prediction type of a config in Stability's layout; None without one."""
    if not config.is_file():
        return None
    try:
        values: Any = parse_yaml(read_utf8(config))
        return bool(values["model"]["params"].get("parameterization", "eps") == "v")
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
