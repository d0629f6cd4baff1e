"""Studies: experiments as tables of runs."""

from typing import Literal

from sakuga.web.schemas.base import Id, Record
from sakuga.web.schemas.jobs import State


class StudyInfo(Record):
    """A study that can be started, with its size on rendered sets."""

    name: str
    question: str
    sets: int | None
    """Training sets of one's own that it takes; None is any number."""
    runs: int
    seconds: float
    """Estimated on one core."""
    quick_runs: int
    quick_seconds: float


class StudyRun(Record):
    """One training, or the images of one setting."""

    name: str
    kind: Literal["training", "generation"]
    seconds: float
    """Estimated on one core."""
    state: Literal["waiting", "running", "done"]
    strip: str | None = None
    """The address of its first images."""


class StudyPlan(Record):
    """The runs of a study."""

    question: str
    runs: list[StudyRun]
    seconds: float
    """Estimated for what is not done, on one core."""


class StudyProgress(StudyPlan):
    """A study that runs or has run; its id is that of its job."""

    id: Id
    title: str
    name: str
    state: State
    quick: bool
    found: list[str]
    """The conclusion, once there is a report."""
    report: Id | None = None
