"""Registered models in $SAKUGA_HOME/models.toml: names of files and folders that stay where they are."""

import json
import re
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import tomli_w
from pydantic import TypeAdapter, ValidationError

from sakuga.files import write_text
from sakuga.models.checkpoint_files import SKETCHBOOK, CheckpointError
from sakuga.models.single_file.converted import SingleFileChoice
from sakuga.models.single_file.header import PredictionType
from sakuga.paths import home

MODELS_FILE = "models.toml"
NAME = re.compile(r"[\w-][\w. ()+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    """A model under a name: its file or folder, and what a single file does not tell."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    path: str
    prediction: PredictionType | None = None
    zero_snr: bool | None = None
    vae: str | None = None

    @property
    def choice(self) -> SingleFileChoice:
        """Return it as a single file."""
        vae = Path(self.vae) if self.vae else None
        return SingleFileChoice(path=Path(self.path), prediction=self.prediction, zero_snr=self.zero_snr, vae=vae)


ADAPTER: TypeAdapter[dict[str, RegisteredModel]] = TypeAdapter(dict[str, RegisteredModel])


def read_models() -> dict[str, RegisteredModel]:
    """Read the registered models by name; raises CheckpointError naming the key."""
    file = home() / MODELS_FILE
    if not file.is_file():
        return {}
    try:
        return ADAPTER.validate_json(json.dumps(tomllib.loads(file.read_text(encoding="utf-8")), default=str))
    except ValidationError as caught:
        error = caught.errors()[0]
        key = ".".join(map(str, error["loc"]))
        raise CheckpointError(f"cannot read {file}: {key}: {error['msg']}; its keys are path, prediction, zero_snr and vae") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {file} ({error}): mend or delete it") from None


def write_models(models: dict[str, RegisteredModel]) -> None:
    """Write the registered models, without values that are open."""
    tables = {name: {key: value for key, value in asdict(model).items() if value is not None} for name, model in sorted(models.items())}
    write_text(home() / MODELS_FILE, tomli_w.dumps(tables))


def check_name(name: str) -> None:
    """Refuse a name that is no model's; raises CheckpointError."""
    if name.lower() == SKETCHBOOK or not NAME.fullmatch(name):
        raise CheckpointError(f"'{name}' cannot be a model's name: use letters, digits, -, _ and spaces, and not '{SKETCHBOOK}'")
