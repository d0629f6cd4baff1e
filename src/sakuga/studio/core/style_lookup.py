"""Styles by name, training run, folder, file or hub id."""

import json
from pathlib import Path

from sakuga import InputError
from sakuga.models.checkpoint_files import CheckpointFiles
from sakuga.models.style_files import Style, StyleError, find_weights
from sakuga.models.style_folders import PICKLES, folder_styles, style_files, style_folders
from sakuga.models.styles import STYLES_FOLDER, checkpoint_styles, find_style, read_styles
from sakuga.paths import home, local_path

RUN_CONFIG, RUN_METRICS = "config.json", "metrics.json"
"""Files of a training run's folder; the second is written at the end."""


def styles_folder() -> Path:
    """Return the folder of the user's style library, $SAKUGA_HOME/styles."""
    return home() / STYLES_FOLDER


def library_styles() -> dict[str, Style]:
    """Return the styles of the library and of registered folders, by name; the library's come first. Raises StyleError."""
    return folder_styles(style_folders()) | read_styles(styles_folder())


def resolve_style(name: str, source: CheckpointFiles) -> Style:
    """Resolve a style by name, run, path or hub id.

    A path is a training run, a style's folder or a .safetensors file; a hub id is `hub:owner/name`.

    Names of the checkpoint's own styles and of the library come before paths: write `./comic` for a folder that is named like a style.
    Raises StyleError where there is none, InputError for a run without a finished style.
    """
    path = local_path(name)
    if is_run(path) and not is_style_name(name, source):
        name = str(run_style(path))
    try:
        return find_style(name, source, library_styles())
    except StyleError as error:
        if pickle := next((file for folder in style_folders() for file in style_files(folder, PICKLES) if file.stem == name), None):
            convert = f"sakuga style convert {pickle} --pickle -o {pickle.with_suffix('.safetensors')}"
            raise StyleError(f"style '{name}' is a pickle: if you trust it, run `{convert}`") from None
        gone = ", ".join(str(folder) for folder in style_folders() if not folder.is_dir())
        if not gone:
            raise
        raise StyleError(f"{error}; a registered folder is not there: {gone}") from None


def is_style_name(name: str, source: CheckpointFiles) -> bool:
    """Check whether a style has this name.

    One of the checkpoint's own, of the library or of a registered folder.
    """
    return name in checkpoint_styles(source) or name in library_styles()


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
