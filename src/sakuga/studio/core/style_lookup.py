"""Styles by name, training run, folder, file or hub id."""

import json
from pathlib import Path

from sakuga import InputError
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.style_files import Style, find_weights
from sakuga.models.styles import STYLES_FOLDER, checkpoint_styles, find_style, read_styles
from sakuga.paths import home, local_path

RUN_CONFIG, RUN_METRICS = "config.json", "metrics.json"
"""Files of a training run's folder; the second is written at the end."""


def styles_folder() -> Path:
    """Return the folder of the user's style library, $SAKUGA_HOME/styles."""
    return home() / STYLES_FOLDER


def resolve_style(name: str, source: CheckpointFiles) -> Style:
    """Resolve a style by name, run, path or hub id.

    A path is a training run, a style's folder or a .safetensors file; a hub id is `hub:owner/name`.

    Names of the checkpoint's own styles and of the library come before paths: write `./comic` for a folder that is named like a style.
    Raises StyleError where there is none, InputError for a run without a finished style.
    """
    path = local_path(name)
    if is_run(path) and not is_style_name(name, source):
        name = str(run_style(path))
    return find_style(name, source, styles_folder())


def is_style_name(name: str, source: CheckpointFiles) -> bool:
    """Check whether a style has this name.

    One of the checkpoint's own or of the library.
    """
    return name in checkpoint_styles(source) or name in read_styles(styles_folder())


def is_style_path(path: Path) -> bool:
    """Check whether a path holds a style.

    A weight file, a style's folder or a training run.
    """
    return (path.is_file() and path.suffix == ".safetensors") or (path.is_dir() and bool(find_weights(path))) or is_run(path)


def is_run(path: Path) -> bool:
    """Check whether a folder is a training run's."""
    return (path / "checkpoints").is_dir() and (path / RUN_CONFIG).is_file() and not find_weights(path)


def run_style(run: Path) -> Path:
    """Return the style folder of a finished training run.

    Raises InputError where the run is unfinished or trained a whole model.
    """
    if not (run / RUN_METRICS).is_file():
        raise InputError(f"the training run {run} is not finished: continue it with --resume first")
    trained = run / str(json.loads((run / RUN_METRICS).read_text(encoding="utf-8")).get("style", "style"))
    if not find_weights(trained):
        raise InputError(f"{run} trained a whole model and no style: use it with --model {trained}")
    return trained
