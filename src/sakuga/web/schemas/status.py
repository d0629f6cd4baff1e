"""The server, models and declared options."""

from typing import Any, Literal

from pydantic import Field

from sakuga.web.schemas.base import Record, Request


class Status(Record):
    """The server and its data folder."""

    version: str
    device: str
    """cpu, or the name of the GPU."""
    threads: int
    used_bytes: int
    quota_bytes: int
    free_bytes: int
    last_event: int
    """The newest event; read it before a list, then follow events from it."""


class Model(Record):
    """A checkpoint that can be used."""

    name: str
    native_size: int
    token_limit: int
    has_text_encoder: bool
    has_image_encoder: bool
    has_few_step: bool
    has_depth: bool


class OptionInfo(Record):
    """A declared option."""

    name: str
    kind: Literal["number", "integer", "choice", "text", "rate", "size", "pixel", "style", "switch", "words"]
    help: str
    range: str
    """The possible values in words."""
    default: Any = None
    default_help: str = ""
    panel: str = ""
    least: float | None = None
    most: float | None = None
    choices: list[str] = []


class Options(Record):
    """Every option, by where it counts."""

    film: list[OptionInfo]
    pixel: list[OptionInfo]
    plan: list[OptionInfo]
    """shots, seconds, seed."""
    grid: list[OptionInfo]
    """What an axis of a grid may change."""
    training: list[OptionInfo]
    methods: dict[str, list[OptionInfo]]
    """What each training method has besides."""
    formats: list[str]
    transitions: list[str]
    eases: list[str]
    palettes: list[str]


class Token(Request):
    """The token that the server printed."""

    token: str = Field(max_length=200)
