"""Frames, clips, timelines and uploads."""

from typing import Any, Literal, TypeAlias

from pydantic import Field

from sakuga.web.schemas.base import Digest, Id, Line, Record, Request, Seed
from sakuga.web.schemas.jobs import Format


class Frame(Record):
    """An image of the store."""

    digest: Digest
    width: int
    height: int
    kind: Literal["generated", "given"]
    prompt: str | None = None
    seed: int | None = None
    attempts: int = 1
    spec: dict[str, Any]


class Clip(Record):
    """A clip or a single image in the library's folder."""

    id: Id
    title: str
    format: str
    bytes: int
    width: int
    height: int
    frames: int
    seconds: float
    kind: Literal["film", "draw", "morph", "vary", "choose", "other"]
    """The kind of its recipe; other where it has none."""
    prompts: list[str] = []
    cover: str
    """The address of a thumbnail."""
    url: str
    """The address of the file, with range requests."""
    project: Id | None = None
    job: Id | None = None
    starred: bool = False
    has_recipe: bool
    created: float


class TimelineFrame(Record):
    """One frame of a clip, in its place."""

    index: int
    """Counted from 0."""
    image: str
    """The address of the image; `?w=` gives a thumbnail."""
    digest: Digest | None = None
    """Its name in the store; None in a clip without a recipe."""
    kind: Literal["generated", "motion", "in_between", "given", "unknown"]
    held: bool = False
    """Whether it repeats the frame before."""
    marks: list[str] = []
    """bad (by a person), or the fault that the scorecard names."""
    redone: bool = False
    """Whether it was generated again."""


class Timeline(Record):
    """The frames of a clip in time."""

    clip: Clip
    rate: str
    """Frames per second, exactly: "12" or "24000/1001"."""
    fps: float
    frames: list[TimelineFrame]
    can_redo: bool
    """Whether frames can be generated again, which needs a recipe."""
    reason: str = ""
    """Why not, in one sentence."""


class Mark(Request):
    """Frames to mark or unmark as bad."""

    frames: list[int] = Field(max_length=100_000)
    bad: bool = True


class NewRedo(Request):
    """Frames to generate again: K takes each."""

    frames: list[int] = Field(min_length=1, max_length=100)
    count: int = Field(default=4, ge=1, le=16)
    seeds: list[Seed] | None = Field(default=None, max_length=16)
    prompt: Line | None = None
    strength: float | None = Field(default=None, gt=0, le=1)


class FrameTake(Record):
    """An image that may stand in place of a frame."""

    id: Id
    clip: Id
    frame: int
    seed: Seed
    digest: Digest | None = None
    prompt: str | None = None
    strength: float | None = None
    chosen: bool = False
    job: Id | None = None


class ChosenTakes(Request):
    """Takes to put in place; frames not named stay as they are."""

    takes: list[Id] = Field(min_length=1, max_length=100)
    format: Format | None = Field(default=None, description="None keeps the clip's.")


class LongerHold(Request):
    """A frame to show for some frames more."""

    frame: int = Field(ge=0, lt=20_000, description="Counted from 0.")
    frames: int = Field(ge=1, le=2000)


class Retime(Request):
    """How to retime a clip; its images stay the same."""

    fps: float | None = Field(default=None, gt=0, le=240, description="Play it at this rate.")
    on: int | None = Field(default=None, ge=1, le=12, description="Frames per image; 2 animates on twos.")
    speed: float | None = Field(default=None, ge=0.05, le=16)
    holds: list[LongerHold] = Field(default=[], max_length=1000)
    cuts: list[int] = Field(default=[], max_length=20_000, description="Frames to leave out, counted from 0.")


class NewClip(Request):
    """A clip to bring into the library."""

    upload: Id
    title: Line = ""


class NewExport(Request):
    """A format to write a clip in."""

    format: Format
    fps: float | None = Field(default=None, gt=0, le=240)
    max_size: int | None = Field(default=None, ge=1024)


class SizeEstimate(Record):
    """About how large a file will be."""

    format: str
    bytes: int


class Upload(Record):
    """A file that a person brought."""

    id: Id
    name: str
    kind: Literal["image", "clip", "film"]
    bytes: int
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    frame: Digest | None = None
    """The image in the store; None for a film."""
    has_recipe: bool = False
    created: float


Order: TypeAlias = Literal["newest", "oldest", "title", "largest"]
