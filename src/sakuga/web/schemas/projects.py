"""Projects, storyboards, shots and takes."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from sakuga.story.limits import MAX_SHOTS
from sakuga.timeline.edits import Edit
from sakuga.web.schemas.base import Digest, Id, Line, Record, Request, Seconds, Seed
from sakuga.web.schemas.jobs import Format, Settings

Keyed: TypeAlias = float | str | None
"""A number, or keys such as "0: 4, 24 smooth: 7"; None takes the film's."""
Quality: TypeAlias = Literal["preview", "final"]


class CameraMove(Request):
    """A camera move over a whole shot."""

    zoom: float = Field(default=1.0, gt=0, le=10)
    pan: tuple[float, float] = (0.0, 0.0)
    rotate: float = 0.0
    parallax: float = Field(default=0.0, ge=0, le=1)


class BibleText(Request):
    """What all shots share."""

    subject: Line = ""
    look: Line = ""
    setting: Line = ""
    palette: Line = ""
    style: Line = ""


class LintNote(Record):
    """A warning about one shot."""

    rule: str
    """tokens, style, look, pronoun, words, emphasis, negative or motion."""
    message: str


class ShotFields(Request):
    """A shot as `[[shots]]` of film.toml has it; a key that is left out stays as it is."""

    prompt: Line | None = None
    seconds: Seconds | None = None
    seed: Seed | None = None
    seed_locked: bool | None = None
    strength: Keyed = None
    guidance: Keyed = None
    steps: Keyed = None
    control_weight: Keyed = None
    motion: Line | None = None
    motion_scale: Keyed = None
    style: Line | None = None
    init_from: Literal["keyframe", "previous"] | None = None
    camera: CameraMove | None = None
    transition: Annotated[str, Field(max_length=60)] | None = None
    ease: Annotated[str, Field(max_length=20)] | None = None
    hold: float | None = Field(default=None, ge=0, le=3600)
    negative: Line | None = None
    on: int | None = Field(default=None, ge=1, le=12)


class Take(Record):
    """One keyframe of a shot, with its own seed."""

    id: Id
    shot: Id
    seed: Seed
    quality: Quality
    state: Literal["waiting", "done", "failed"]
    frame: Digest | None = None
    """Its image, at `/frames/DIGEST`."""
    score: float | None = None
    """CLIP similarity of image and prompt; takes are listed best first."""
    stale: bool = False
    """Whether the shot has changed since."""
    approved: bool = False
    job: Id | None = None
    created: float


class Shot(Record):
    """A shot of a storyboard."""

    id: Id
    position: int
    prompt: str
    full_prompt: str
    """The prompt with the bible's parts, as it is generated."""
    seconds: float
    seed: Seed
    seed_locked: bool
    strength: Keyed = None
    guidance: Keyed = None
    steps: Keyed = None
    control_weight: Keyed = None
    motion: Line | None = None
    motion_scale: Keyed = None
    style: str | None = None
    init_from: str | None = None
    camera: CameraMove = CameraMove()
    transition: str = "morph 1.0"
    ease: str = "smooth"
    hold: float = 0.0
    negative: str = ""
    on: int | None = None
    lint: list[LintNote] = []
    takes: list[Take] = []
    approved: Id | None = None
    """The take whose keyframe a person has approved."""


class ProjectSummary(Record):
    """A project in a list."""

    id: Id
    title: str
    idea: str
    shots: int
    seconds: float
    cover: Digest | None = None
    clip: Id | None = None
    """The newest clip."""
    created: float
    updated: float


class Project(Record):
    """A film in the making: settings, bible and shots."""

    id: Id
    title: str
    idea: str
    version: int
    """Counts changes; a PATCH with an older `version` is refused."""
    settings: Settings
    bible: BibleText
    shots: list[Shot]
    seconds: float
    notes: list[str] = []
    edits: list[Edit] = []
    """Redone, held and cut frames, as the clip edited last has them; a render makes them again."""
    edits_fit: bool = True
    """Whether frames lie as they did when they were edited; otherwise a render leaves the edits out."""
    created: float
    updated: float


class NewProject(Request):
    """A project to plan, or to open from a film, a recipe or a clip."""

    title: Line = ""
    idea: Line = ""
    shots: int = Field(default=5, ge=1, le=60)
    seconds: Seconds = 6.0
    seed: Seed = 0
    planner: Annotated[str, Field(max_length=300)] | None = Field(
        default=None, description='None plans offline; "gpt-4o", "URL#model", "hf:owner/name".'
    )
    settings: Settings = {}
    film: str | None = Field(default=None, max_length=1_000_000, description="The text of a film.toml.")
    clip: Id | None = Field(default=None, description="A clip or an upload whose recipe is a film.")


class ProjectChange(Request):
    """What to change of a project."""

    version: int | None = None
    title: Line | None = None
    idea: Line | None = None
    settings: Settings | None = Field(default=None, description="Merged; null removes a setting.")
    bible: BibleText | None = None


class NewPlan(Request):
    """How to plan the shots anew; all takes of the former shots go."""

    idea: Line
    shots: int = Field(default=5, ge=1, le=60)
    seconds: Seconds = 6.0
    seed: Seed = 0
    planner: Annotated[str, Field(max_length=300)] | None = None


class NewShot(ShotFields):
    """A shot to add."""

    after: Id | None = Field(default=None, description="None adds it at the end.")
    copy_of: Id | None = None


class ShotOrder(Request):
    """All shots of a project in their new order."""

    shots: list[Id] = Field(max_length=MAX_SHOTS)


class NewTakes(Request):
    """Takes to generate of a shot."""

    count: int = Field(default=4, ge=1, le=16)
    seeds: list[Seed] | None = Field(default=None, max_length=16)
    quality: Quality = "preview"


class RenderRequest(Request):
    """How to render a project."""

    quality: Quality = "final"
    format: Format = "gif"


class ProjectEdits(Request):
    """Edits of a film's frames as they lie at present; none forgets them."""

    edits: list[Edit] = Field(max_length=10_000, description="In this order; frames are counted from 1.")


class FilmText(Record):
    """A film as the text of its file."""

    text: str


class FilmTextChange(Request):
    """The text of a film.toml that replaces a project's film."""

    text: str = Field(max_length=1_000_000)


class FilmTables(Request):
    """A film to check, as tables."""

    film: dict[str, Any]


class ShotLint(Record):
    """The warnings about one shot."""

    shot: int
    notes: list[LintNote]
