"""From a single-file motion module to a motion adapter's folder."""

from dataclasses import dataclass
from pathlib import Path

from sakuga.files import write_atomic, write_text
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.motion_files import MotionFiles
from sakuga.models.motion_lookup import PICKLES, refuse_pickle
from sakuga.paths import local_path
from sakuga.studio.core.arguments import checked


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedMotion:
    """A motion adapter that was written."""

    folder: Path
    positions: int
    """The most frames it can denoise together."""
    made_for: str
    """The family of base models; "" where it is unknown."""


@checked()
def convert_motion(file: Path | str, out: Path | str, *, pickle: bool = False) -> ConvertedMotion:
    """Write a motion module as a folder in diffusers' layout, in half precision.

    `pickle` reads a .ckpt or .pt without running its code. Raises CheckpointError.
    """
    path, folder = local_path(file), Path(out)
    if not path.is_file():
        raise CheckpointError(f"motion adapter '{file}': no such file")
    if path.suffix in PICKLES and not pickle:
        refuse_pickle(str(file))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CheckpointError(f"{folder} exists and is not empty: choose another folder")
    _write(path, folder)
    info = MotionFiles(folder.name, folder).info
    return ConvertedMotion(folder=folder, positions=info.positions, made_for=info.family or "")


def _write(path: Path, folder: Path) -> None:

    from sakuga.models.motion import open_motion_adapter, open_pickled_motion_adapter
    from sakuga.models.saving import save_file

    adapter = open_pickled_motion_adapter(path) if path.suffix in PICKLES else open_motion_adapter(path)
    weights = {name: value.half().contiguous() for name, value in adapter.state_dict().items()}
    write_atomic(folder / "diffusion_pytorch_model.safetensors", lambda draft: save_file(weights, draft, {"format": "pt"}))
    write_text(folder / "config.json", adapter.to_json_string())
