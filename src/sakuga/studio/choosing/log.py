"""The decision log of a choosing session: one JSON object on each line.

The first line holds the session's recipe, which decides every frame together with the choices. Each other line is a decision. A line is
on the disk before its decision takes effect; a last line that was cut off by a crash is left out.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter, ValidationError

from sakuga import InputError
from sakuga.files import read_bytes
from sakuga.story.limits import MAX_TABLE_BYTES
from sakuga.studio.core.recipe import DigestText
from sakuga.timeline.choices import Choice
from sakuga.timeline.plain_data import strict, to_plain

VERSION = 1


class SessionError(InputError, ValueError):
    """A session that cannot be read, or a decision that it does not allow."""


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Images offered to follow a node; they get the ids `first`, `first` + 1, ..."""

    parent: int
    first: int
    choices: Annotated[tuple[Choice, ...], Field(min_length=1, max_length=100)]
    frames: tuple[DigestText, ...]
    """Their names in the store."""
    kind: Literal["offer"] = "offer"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """Take one of the images that are shown."""

    node: int
    kind: Literal["take"] = "take"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """Go to any node of the tree."""

    node: int
    kind: Literal["jump"] = "jump"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Pin a node, or release it."""

    node: int
    pinned: bool = True
    kind: Literal["pin"] = "pin"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """Discard a node, or bring it back."""

    node: int
    discarded: bool = True
    kind: Literal["discard"] = "discard"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """Take back the last decision; offered images stay in the tree."""

    kind: Literal["undo"] = "undo"


@strict
@dataclass(frozen=True, slots=True, kw_only=True)
class Redo:
    """Decide again what was taken back last."""

    kind: Literal["redo"] = "redo"


Decision: TypeAlias = Annotated[Offer | Take | Jump | Pin | Discard | Undo | Redo, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The first line of a log."""

    recipe: dict[str, Any]
    """The recipe of a clip without choices."""
    move: dict[str, Any]
    """How images are made unless an offer says otherwise."""


@lru_cache
def _adapter() -> TypeAdapter[Decision]:
    return TypeAdapter(Decision)


def write_head(path: Path, head: Head) -> None:
    """Begin a log; raises SessionError if the file exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(_line({"session": VERSION, "move": head.move, "recipe": head.recipe}))
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise SessionError(f"{path} exists: a new session needs another name, or open this one") from None


def append(path: Path, decision: Decision) -> None:
    """Add a decision to a log; it is on the disk when this returns."""
    with path.open("r+b") as file:
        file.seek(_complete(file.read()))
        file.truncate()
        file.write(_line(to_plain(decision)))
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> tuple[Head, list[Decision]]:
    """Read a log; raises SessionError that names the line."""
    try:
        content = read_bytes(path, MAX_TABLE_BYTES)
    except OSError as error:
        raise SessionError(f"{path}: this session cannot be read ({(error.strerror or str(error)).lower()})") from None
    lines = iter(enumerate(content[: _complete(content)].split(b"\n")[:-1], 1))
    return _read_head(path, next(lines, (1, b""))[1]), list(_read_decisions(path, lines))


def _read_head(path: Path, line: bytes) -> Head:
    try:
        document = json.loads(line)
        version, move, recipe = document["session"], document["move"], document["recipe"]
    except (ValueError, RecursionError, TypeError, KeyError):
        raise SessionError(f"{path} is no session: its first line does not hold one") from None
    if version != VERSION:
        raise SessionError(f"{path}: this session has version {version}, and this sakuga reads version {VERSION}: take a newer one")
    return Head(recipe=recipe, move=move)


def _read_decisions(path: Path, lines: Iterator[tuple[int, bytes]]) -> Iterator[Decision]:
    for number, line in lines:
        try:
            yield _adapter().validate_json(line)
        except ValidationError as error:
            raise SessionError(f"{path}, line {number}: {error.errors()[0]['msg'].lower()}") from None


def _complete(content: bytes) -> int:
    """Return the length of all lines that were written to their end."""
    return content.rfind(b"\n") + 1


def _line(values: Any) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
