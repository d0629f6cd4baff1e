"""Configs of kohya, OneTrainer and ai-toolkit as a training of ours."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sakuga.studio.core.arguments import checked
from sakuga.training.foreign_config import ForeignLine, Program, read_foreign_config


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedConfig:
    """A config of another trainer, line by line, and the command that trains so here."""

    program: Program
    lines: tuple[ForeignLine, ...]
    settings: dict[str, Any]
    command: str


@checked()
def import_config(file: Path | str) -> ImportedConfig:
    """Read a config of kohya (.toml), OneTrainer (.json) or ai-toolkit (.yaml).

    Every line is either one of our settings or says why not. Raises TrainingPlanError for another file, and for a family of models that is
    not trained here.
    """
    read = read_foreign_config(Path(file))
    return ImportedConfig(program=read.program, lines=read.lines, settings=read.settings, command=_command(read.settings))


def _command(settings: dict[str, Any]) -> str:
    """Return the command line of a training."""
    rest = {key: value for key, value in settings.items() if key not in ("set", "out")}
    words = ["sakuga", "train", "lora", str(settings.get("set", "SET")), "-o", str(settings.get("out", "run"))]
    return " ".join([shlex.join(words), *(text for key, value in rest.items() for text in _option(key, value))])


def _option(key: str, value: Any) -> list[str]:
    flag = key.replace("_", "-")
    if key == "prompts":
        return [f"--prompt {shlex.quote(prompt)}" for prompt in value]
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    if isinstance(value, tuple):
        return [f"--{flag} {shlex.quote(','.join(value))}"]
    return [f"--{flag} {shlex.quote(f'{value:g}' if isinstance(value, float) else str(value))}"]
