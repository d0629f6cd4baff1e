"""Values of frame specs as plain data."""

from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

from pydantic import ConfigDict, with_config

Digest: TypeAlias = str
"""A sha256 in hexadecimal: the name of a frame, a checkpoint or a style."""

strict = with_config(ConfigDict(extra="forbid"))


def to_plain(value: Any) -> Any:
    """Convert a spec to JSON values, without defaults.

    `kind` always stays, since it identifies the member of a union.
    """
    if is_dataclass(value):
        values = {field.name: getattr(value, field.name) for field in fields(value)}
        return {
            field.name: to_plain(values[field.name])
            for field in fields(value)
            if field.name == "kind" or values[field.name] != field.default
        }
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    return value
