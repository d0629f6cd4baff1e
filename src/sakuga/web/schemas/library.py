"""The library, styles, training sets, runs and reports."""

from typing import Any, Literal

from pydantic import Field

from sakuga.web.schemas.base import Digest, Id, Line, Name, Record, Request


class LibraryEntry(Record):
    """A clip, or an image, in the gallery."""

    id: str
    """A clip's id, or a frame's digest."""
    kind: Literal["clip", "image"]
    title: str
    thumbnail: str
    url: str
    width: int
    height: int
    frames: int = 1
    seconds: float = 0.0
    prompts: list[str] = []
    starred: bool = False
    created: float


class LibraryPage(Record):
    """A page of the gallery."""

    entries: list[LibraryEntry]
    total: int
    next: int | None = None
    """The `offset` of the next page."""


class Difference(Record):
    """A setting in which two entries differ."""

    key: str
    first: Any
    second: Any


class Comparison(Record):
    """Two entries side by side."""

    first: LibraryEntry
    second: LibraryEntry
    differences: list[Difference]


class Style(Record):
    """A style that can be applied."""

    name: str
    place: str
    """model, library or folder."""
    digest: Digest
    bytes: int
    trigger: str
    weight: float
    layers: int
    base: str | None = None
    thumbnail: str | None = None
    """The address of its sample strip."""


class StyleDetails(Style):
    """A style with its card."""

    suffix: str
    card: str
    figures: dict[str, str]
    finishing: dict[str, Any]


class TrainingSet(Record):
    """A training set in the data folder."""

    name: str
    images: int
    cover: str | None = None


class SetImage(Record):
    """An image of a training set, with its caption."""

    index: int
    file: str
    url: str
    width: int
    height: int
    caption: str
    findings: list[str] = []


class SetDetails(Record):
    """A training set with its images and what the doctor found."""

    name: str
    images: list[SetImage]
    verdict: str
    findings: list[str]


class Caption(Request):
    """A new caption of an image."""

    caption: Line


class NewSet(Request):
    """A training set to build from uploads."""

    name: Name
    uploads: list[Id] = Field(min_length=1, max_length=5000)
    captions: dict[Id, Line] = {}
    trigger: Line = ""


class RunPoint(Record):
    """Figures of one training step."""

    step: int
    loss: float | None = None
    validation_loss: float | None = None


class RunSummary(Record):
    """A training."""

    name: str
    method: str
    state: Literal["queued", "running", "paused", "done", "failed", "cancelled", "stopped"]
    step: int
    steps: int
    loss: float | None = None
    validation_loss: float | None = None
    job: Id | None = None


class Run(RunSummary):
    """A training with its curve and samples."""

    points: list[RunPoint]
    samples: list[str]
    """Addresses of sample sheets, in order of steps."""
    config: dict[str, Any]
    notes: list[str] = []


class Report(Record):
    """A written evaluation or study."""

    id: Id
    title: str
    url: str
    """The page; it holds everything it needs."""
    metrics: dict[str, Any]
    created: float


class Blend(Request):
    """Two styles to blend: near 0 the first counts, near 1 the second."""

    first: Line
    second: Line
    at: float = Field(gt=0, lt=1)
    name: Name
