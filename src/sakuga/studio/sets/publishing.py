"""Uploading training sets to the Hugging Face hub."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from sakuga.datasets.publishing import UploadPlan, plan_upload, upload
from sakuga.datasets.training_set import TrainingSet, read_set
from sakuga.studio.core.arguments import checked
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedSet:
    """Result of `push_set`."""

    address: str
    files: int
    size: int
    """In bytes."""


def plan_push(source: Path | str, to: str) -> UploadPlan:
    """Plan an upload to owner/name; raises SetError."""
    return plan_upload(read_set(source), to)


@checked()
def push_set(source: Path | str, to: str, *, private: bool = False, endpoint: str | None = None) -> Work[Step, PushedSet]:
    """Upload a set to the hub as owner/name.

    `endpoint` is another hub's address. Raises SetError without a token, or where the hub refuses.
    """
    made = read_set(source)
    return Work(_push(made, plan_upload(made, to), private, endpoint))


def _push(made: TrainingSet, plan: UploadPlan, private: bool, endpoint: str | None) -> Generator[Step, None, PushedSet]:
    yield Step(stage="export", note=f"uploading {len(plan.files)} files to {plan.to}")
    address = upload(made, plan, private=private, endpoint=endpoint)
    return PushedSet(address=address, files=len(plan.files), size=plan.size)
