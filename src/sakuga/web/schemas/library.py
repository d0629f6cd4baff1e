"""The library, styles, training sets, runs and reports."""

from typing import Any, Literal

from pydantic import Field

from sakuga.datasets.training_set import Composition
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
    """model, library, registered or folder."""
    digest: Digest | None
    """None in lists of registered folders."""
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
    composition: Composition | None = None
    """portrait, figure or landscape; None where it is not known."""
    repeats: int = 1
    """How often it is used in one epoch."""
    held_out: bool = False
    """Whether it is never trained on."""
    findings: list[str] = []


class SetDetails(Record):
    """A training set with its images and what the doctor found."""

    name: str
    images: list[SetImage]
    verdict: str
    """The doctor's: not ready, needs review, or ready."""
    findings: list[str]
    """What concerns the set as a whole."""
    inspected: bool = False
    """Whether the doctor has looked; otherwise verdict and findings are empty."""


class CropBox(Request):
    """The part of an image that stays, in pixels; right and bottom lie outside."""

    left: int = Field(ge=0, le=100_000)
    top: int = Field(ge=0, le=100_000)
    right: int = Field(ge=1, le=100_000)
    bottom: int = Field(ge=1, le=100_000)


class SetImageChange(Request):
    """What to change of an image in a set; what is left out stays."""

    caption: Line | None = None
    composition: Composition | None = None
    repeats: int | None = Field(default=None, ge=1, le=1000, description="How often it is used in one epoch.")
    crop: CropBox | None = None


class SetBalance(Request):
    """Parts of an epoch for each composition; 1, 1, 1 makes them even."""

    portrait: float = Field(default=1.0, gt=0, le=100)
    figure: float = Field(default=1.0, gt=0, le=100)
    landscape: float = Field(default=1.0, gt=0, le=100)


class NewSet(Request):
    """A training set to build from uploads."""

    name: Name
    uploads: list[Id] = Field(min_length=1, max_length=5000)
    captions: dict[Id, Line] = {}
    trigger: Line = ""
    holdout: float = Field(
        default=0.1, ge=0, le=0.5, description="Share of images that are never trained on, for the validation loss; none of fewer than 10."
    )


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


class TrainingForecast(Record):
    """What a training would take on this machine, as busy as it is."""

    steps: int
    seconds: float
    """Of all steps."""
    step_seconds: float
    memory: int
    """Bytes, of the process; on a GPU, of the device."""
    images: int
    """Images or clips to train on."""
    notes: list[str]
    """Warnings, and advice on rank and steps."""


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
