"""Choosing sessions: images chosen one by one."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from sakuga.timeline.choices import Move
from sakuga.web.schemas.base import Digest, Id, Line, Record, Request, Seed
from sakuga.web.schemas.jobs import Format, Settings


class NewSession(Request):
    """An image to choose from on, and how its followers are made."""

    image: Id | Digest = Field(description="An upload or a frame.")
    title: Line = ""
    variants: int = Field(default=4, ge=1, le=16, description="Images to choose from.")
    mode: Literal["variation", "img2img", "prompt"] = "variation"
    prompt: Line = ""
    strength: float = Field(default=0.6, gt=0, le=1, description="Denoising strength of img2img.")
    between: int = Field(default=8, ge=1, le=100, description="Frames of the clip for each chosen image.")
    in_betweens: Literal["lerp", "flow", "crossfade", "latent"] = "lerp"
    noise_shift: float = Field(default=0.4, ge=0, le=1, description="Share of new noise for each image.")
    good: list[Line] | None = Field(default=None, max_length=50, description="Texts to guide the images towards.")
    bad: list[Line] | None = Field(default=None, max_length=50)
    seed: Seed = 0
    settings: Settings = {}


class Session(Record):
    """A choosing session."""

    id: Id
    title: str
    cover: Digest
    """The image that was chosen last."""
    nodes: int
    created: float
    updated: float


class SessionNode(Record):
    """An image of a session's tree."""

    id: int
    """Counted from 0, the image it starts from."""
    parent: int | None
    digest: Digest | None
    """The frame's name; None while it waits to be generated."""
    seed: int | None
    move: Move | None
    """How it is made from its parent."""
    pinned: bool
    discarded: bool


class ChooseState(Record):
    """A session as the choose page shows it."""

    id: Id
    title: str
    version: int
    """Counts the changes since the server has opened it."""
    nodes: list[SessionNode]
    current: int
    """The node that was chosen last."""
    shown: list[int]
    """The nodes to choose from."""
    likelihood: list[float]
    """For each of them: the chance that it is taken, by what was taken before."""
    path: list[int]
    """The nodes of the clip, from the first to the current."""
    variants: int
    move: Move
    """How the next images are made."""
    can_undo: bool
    can_redo: bool
    going_on: bool
    """Whether rounds are offered until an image is taken."""
    error: str = ""
    """Why the images shown could not be generated; `retry` tries again."""


class TakeNode(Request):
    """Take one of the images shown."""

    kind: Literal["take"] = "take"
    node: int


class JumpTo(Request):
    """Go to any node."""

    kind: Literal["jump"] = "jump"
    node: int


class UndoLast(Request):
    """Take the last decision back."""

    kind: Literal["undo"] = "undo"


class RedoLast(Request):
    """Decide again what was taken back."""

    kind: Literal["redo"] = "redo"


class RerollNode(Request):
    """Offer others, with other seeds and perhaps another move."""

    kind: Literal["reroll"] = "reroll"
    move: Move | None = None


class PinNode(Request):
    """Pin a node, or release it."""

    kind: Literal["pin"] = "pin"
    node: int
    pinned: bool = True


class DiscardNode(Request):
    """Discard a node, or bring it back."""

    kind: Literal["discard"] = "discard"
    node: int
    discarded: bool = True


class GoOn(Request):
    """Offer round after round until an image is taken, or stop doing so."""

    kind: Literal["go_on"] = "go_on"
    on: bool = True


class Retry(Request):
    """Generate again what failed."""

    kind: Literal["retry"] = "retry"


ChooseDecision: TypeAlias = Annotated[
    TakeNode | JumpTo | UndoLast | RedoLast | RerollNode | PinNode | DiscardNode | GoOn | Retry, Field(discriminator="kind")
]


class ExportSession(Request):
    """A clip of the way to a node."""

    format: Format = "gif"
    node: int | None = Field(default=None, ge=1, description="By default the current node.")
