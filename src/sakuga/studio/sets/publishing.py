"""Training sets for others."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from sakuga.datasets.publishing import Parcel, packed, send
from sakuga.datasets.training_set import read_set
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedSet:
    """A set that others can load."""

    address: str
    files: int
    size: int
    """In bytes."""


def pack_set(source: Path | str, to: str) -> Parcel:
    """List what of a set would be sent to the hub as owner/name, with sizes and what to think of before; raises SetError."""
    return packed(read_set(source), to)


def push_set(source: Path | str, to: str, *, private: bool = False, endpoint: str | None = None) -> Work[Step, PushedSet]:
    """Send a set to the Hugging Face hub as owner/name, in one commit.

    `endpoint` is another hub's address. Raises SetError without a token, or where the hub refuses.
    """
    return Work(_push(Path(source), to, private, endpoint))


def _push(source: Path, to: str, private: bool, endpoint: str | None) -> Generator[Step, None, PushedSet]:
    told = read_set(source)
    parcel = packed(told, to)
    yield Step(stage="export", note=f"sending {len(parcel.files)} files to {to}")
    address = send(told, parcel, private=private, endpoint=endpoint)
    return PushedSet(address=address, files=len(parcel.files), size=parcel.size)
