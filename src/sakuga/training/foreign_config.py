"""Settings of other trainers' config files: kohya (.toml), OneTrainer (.json), ai-toolkit (.yaml)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sakuga.files import TextError, parse_json, parse_toml, read_utf8
from sakuga.models.yaml_texts import parse_yaml
from sakuga.training import foreign_tables as tables
from sakuga.training.method_settings import DreamBooth, Lora, TextualInversion
from sakuga.training.plan import TrainingPlan, TrainingPlanError, options_of

Program = Literal["kohya", "OneTrainer", "ai-toolkit"]
KEPT = ("set", "model", "out", "trigger", "epochs")
"""Settings of a training that are no options of a plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignLine:
    """A line of a config, and what becomes of it."""

    key: str
    value: Any
    setting: str = ""
    """Our setting; "" for a line that has none."""
    ours: Any = None
    note: str = ""
    """Why it has no setting, or what differs."""

    def text(self) -> str:
        """Return it in words."""
        became = f"{self.setting.replace('_', ' ')} {self.ours}" if self.setting else "not taken"
        return f"{self.key} = {json.dumps(self.value, ensure_ascii=False)}: {became}{f' ({self.note})' if self.note else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignConfig:
    """A config of another trainer in our settings."""

    program: Program
    lines: tuple[ForeignLine, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """Return our settings; of several lines for one the last counts."""
        return {line.setting: line.ours for line in self.lines if line.setting}


def read_foreign_config(file: Path) -> ForeignConfig:
    """Read a config of kohya, OneTrainer or ai-toolkit, line by line.

    Raises TrainingPlanError where it is none of these, or for a family of models that is not trained here.
    """
    values = _read(file)
    program, flat = _recognise(values, file)
    if foreign := next(filter(None, (named(flat[key]) for key, named in tables.FAMILIES if key in flat)), ""):
        raise TrainingPlanError(f"{file} trains {foreign}, which is not trained here: Stable Diffusion 1.x, 2.x and XL are")
    rules = {"kohya": tables.KOHYA, "OneTrainer": tables.ONETRAINER, "ai-toolkit": tables.AI_TOOLKIT}[program]
    lines = [line for key, value in flat.items() for line in _lines(key, value, rules, flat)]
    return ForeignConfig(program=program, lines=tuple(lines))


def _read(file: Path) -> Mapping[str, Any]:
    readers: dict[str, Callable[[str], Any]] = {".toml": parse_toml, ".json": parse_json, ".yaml": parse_yaml, ".yml": parse_yaml}
    if file.suffix not in readers:
        raise TrainingPlanError(f"{file} is no config of another trainer: give kohya's .toml, OneTrainer's .json or ai-toolkit's .yaml")
    try:
        values = readers[file.suffix](read_utf8(file))
    except OSError as error:
        raise TrainingPlanError(f"{file} cannot be read ({error.strerror})") from None
    except (TextError, ValueError, RecursionError) as error:
        raise TrainingPlanError(f"{file} cannot be read ({error})") from None
    if not isinstance(values, dict) or not values:
        raise TrainingPlanError(f"{file} holds no settings")
    return values


def _recognise(values: Mapping[str, Any], file: Path) -> tuple[Program, dict[str, Any]]:
    """Return the program of a config, and its values by dotted keys."""
    config: Any = values.get("config")
    process = config.get("process") if isinstance(config, dict) else None
    if isinstance(process, list) and process and isinstance(process[0], dict):
        return "ai-toolkit", _flattened({"name": config.get("name"), **process[0]})
    if {"training_method", "model_type"} & values.keys():
        return "OneTrainer", _flattened(values)
    flat = {key: value for part in values.values() if isinstance(part, dict) for key, value in part.items()}
    flat |= {key: value for key, value in values.items() if not isinstance(value, dict)}
    if flat.keys() & tables.KOHYA.keys():
        return "kohya", flat
    raise TrainingPlanError(f"{file} is of no trainer that is known here: kohya's, OneTrainer's and ai-toolkit's configs are read")


def _flattened(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        inside = value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) else value
        flat |= _flattened(inside, f"{before}{key}.") if isinstance(inside, dict) else {f"{before}{key}": value}
    return flat


def _lines(key: str, value: Any, rules: Mapping[str, "tables.Rule"], flat: Mapping[str, Any]) -> list[ForeignLine]:
    if value is None or value == "":
        return []
    if key not in rules:
        return [ForeignLine(key=key, value=value, note="no counterpart")]
    try:
        found = rules[key](value, flat)
    except (TypeError, ValueError, KeyError, AttributeError):
        return [ForeignLine(key=key, value=value, note="of an unexpected form")]
    return [_checked(ForeignLine(key=key, value=value, setting=one.setting, ours=one.value, note=one.note)) for one in found]


def _checked(line: ForeignLine) -> ForeignLine:
    """Take a value only if its option does."""
    options = {name: option for kind in (TrainingPlan, Lora, TextualInversion, DreamBooth) for name, option in options_of(kind).items()}
    if not line.setting or line.setting in KEPT:
        return line
    try:
        return ForeignLine(key=line.key, value=line.value, setting=line.setting, ours=options[line.setting].read(line.ours), note=line.note)
    except ValueError as error:
        return ForeignLine(key=line.key, value=line.value, note=str(error))
