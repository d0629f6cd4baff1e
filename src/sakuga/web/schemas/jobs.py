"""Jobs, the queue and events."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from sakuga.story.limits import MAX_SHOTS
from sakuga.timeline.edits import Edit
from sakuga.web.schemas.base import Digest, Id, Line, Name, Record, Request, Seconds, Seed

State: TypeAlias = Literal["queued", "running", "paused", "done", "failed", "cancelled"]
Format: TypeAlias = Literal["gif", "webp", "mp4", "webm", "apng", "sheet.png", "contact.png"]
Settings: TypeAlias = dict[str, Any]
"""Film settings by name, as in film.toml; `GET /api/v1/options` lists them."""
URGENT, NORMAL, IDLE = 10, 0, -10
"""Priorities of what a person waits for, of jobs, and of speculation."""


class AnimateJob(Request):
    """Generate a clip from an idea."""

    kind: Literal["animate"] = "animate"
    idea: Line
    shots: int = Field(default=5, ge=1, le=60)
    seconds: Seconds = 6.0
    seed: Seed = 0
    settings: Settings = {}
    format: Format = "gif"
    preview: bool = False


class RenderJob(Request):
    """Generate the clip of a film."""

    kind: Literal["render"] = "render"
    film: dict[str, Any] = Field(description="The tables of a film.toml.")
    format: Format = "gif"
    preview: bool = False
    edits: list[Edit] = Field(default=[], max_length=10_000, description="Made to its frames, in this order; frames are counted from 1.")
    project: Id | None = None
    shots: list[Id] = Field(default=[], max_length=MAX_SHOTS, description="The project's shots, in order.")
    out: str | None = Field(default=None, max_length=4000, description="Copy the clip to this path, too; only the command line sets it.")


class TakesJob(Request):
    """Generate keyframes of one shot with several seeds."""

    kind: Literal["takes"] = "takes"
    film: dict[str, Any]
    shot: int = Field(ge=0, lt=MAX_SHOTS, description="Counted from 0.")
    seeds: list[Seed] = Field(min_length=1, max_length=16)
    preview: bool = True
    project: Id | None = None
    shot_id: Id | None = None


class RedoJob(Request):
    """Generate takes of single frames of a clip."""

    kind: Literal["redo"] = "redo"
    clip: Id
    frames: list[int] = Field(min_length=1, max_length=100, description="Counted from 0.")
    seeds: list[Seed] = Field(min_length=1, max_length=16)
    prompt: Line | None = None
    strength: float | None = Field(default=None, gt=0, le=1)


class EditJob(Request):
    """Write a clip with frames redone, held, left out or retimed; nothing else changes."""

    kind: Literal["edit"] = "edit"
    clip: Id
    edits: list[Edit] = Field(min_length=1, max_length=1000, description="In this order; frames are counted from 1.")
    format: Format


class DrawJob(Request):
    """Generate images of prompts."""

    kind: Literal["draw"] = "draw"
    prompts: list[Line] = Field(min_length=1, max_length=100)
    images_per_prompt: int = Field(default=1, ge=1, le=100)
    seed: Seed = 0
    settings: Settings = {}
    preview: bool = False
    init_image: Id | Digest | None = Field(default=None, description="An upload or a frame.")


class GridJob(Request):
    """Generate a prompt with every combination of options (X/Y/Z grid)."""

    kind: Literal["grid"] = "grid"
    prompt: Line
    axes: list[Line] = Field(min_length=1, max_length=3, description="Columns, rows and sheets, such as steps=10,20.")
    seed: Seed = 0
    settings: Settings = {}


class MorphJob(Request):
    """Generate a clip that morphs from prompt to prompt."""

    kind: Literal["morph"] = "morph"
    prompts: list[Line] = Field(min_length=1, max_length=100)
    frames: int | None = Field(default=None, ge=2, le=10_000)
    seed: Seed = 0
    loop: bool = False
    even: bool = False
    settings: Settings = {}
    format: Format = "gif"


class VaryJob(Request):
    """Generate a clip of an image's variations."""

    kind: Literal["vary"] = "vary"
    image: Id | Digest = Field(description="An upload or a frame.")
    variants: int = Field(default=20, ge=1, le=1000)
    between: int = Field(default=8, ge=1, le=100)
    seed: Seed = 0
    settings: Settings = {}
    format: Format = "gif"


class ChooseJob(Request):
    """Make the clip of a choosing session."""

    kind: Literal["choose"] = "choose"
    session: Id
    node: int = Field(ge=1, description="The clip's last image.")
    format: Format = "gif"


class PixelateJob(Request):
    """Bring a clip or an image onto one grid and palette."""

    kind: Literal["pixelate"] = "pixelate"
    source: Id = Field(description="A clip or an upload.")
    pixel: str | int | None = Field(default=None, description="A palette's name or a number of colors.")
    format: Format = "gif"


class ExportJob(Request):
    """Write a clip in another format, or under a size."""

    kind: Literal["export"] = "export"
    clip: Id
    format: Format
    fps: float | None = Field(default=None, gt=0, le=240)
    max_size: int | None = Field(default=None, ge=1024, description="Bytes; for a gif.")


class TrainJob(Request):
    """Train a style; a job that is resumed goes on bit for bit."""

    kind: Literal["train"] = "train"
    set: Line = Field(default="", description="The name of a training set; a MotionLoRA learns from clips in its place.")
    clips: list[Id] = Field(default=[], max_length=200, description="Clips and uploads that a MotionLoRA learns from.")
    name: Name = Field(description="The name of the run and of its style.")
    method: Literal["lora", "textual-inversion", "dreambooth", "slider", "motion-lora"] = "lora"
    model: Line = "sketchbook"
    settings: Settings = Field(default={}, description="Options of the training: steps, rank, learning_rate, ...")


class EvaluateJob(Request):
    """Measure a clip, a run or a style, and write a report."""

    kind: Literal["evaluate"] = "evaluate"
    subject: Line = Field(description="A clip's id, or the name of a run or style.")
    against: Line | None = None
    count: int | None = Field(default=None, ge=1, le=1000)
    seeds: int = Field(default=2, ge=1, le=100)
    text: Line | None = None
    settings: Settings = {}


class StudyJob(Request):
    """Run an experiment as a table of trainings."""

    kind: Literal["study"] = "study"
    name: Literal["styles", "ablation", "methods", "interpolation", "curation", "prompting"]
    model: Line = "sketchbook"
    quick: bool = Field(default=True, description="The small edition, which tests the setup; too small for conclusions.")
    sets: list[Line] = Field(default=[], max_length=20, description="Names of training sets; none renders the sets.")
    grid: list[Line] = Field(default=[], max_length=10, description="Of an ablation: training settings with values, such as rank=4,8.")
    search: int = Field(default=0, ge=0, le=1000, description="Of an ablation: points to search; 0 runs the whole grid.")


JobRequest: TypeAlias = Annotated[
    AnimateJob
    | RenderJob
    | TakesJob
    | RedoJob
    | DrawJob
    | GridJob
    | MorphJob
    | VaryJob
    | ChooseJob
    | EditJob
    | PixelateJob
    | ExportJob
    | TrainJob
    | EvaluateJob
    | StudyJob,
    Field(discriminator="kind"),
]  # fmt: skip


class DeviceProgress(Record):
    """What one device of a cluster has done of a job."""

    name: str
    """Machine and device, such as "node7 cuda"."""
    frames: int
    newest: float
    """When it rendered the last one, in seconds since 1970."""


class JobProgress(Record):
    """How far a job is."""

    stage: str = ""
    done: int = 0
    total: int = 0
    share: float = 0.0
    """Of the stage, 0 to 1."""
    seconds_left: float | None = None
    preview: int = 0
    """The number of the newest denoising preview, at `/api/v1/jobs/ID/preview?n=NUMBER`; 0 is none."""
    loss: float | None = None
    validation_loss: float | None = None
    devices: list[DeviceProgress] = []
    """Where frames are rendered on a cluster: a device each, over all machines."""


class Job(Record):
    """A Work in the queue."""

    id: Id
    kind: str
    title: str
    state: State
    lane: str
    priority: int
    position: float
    """Among jobs of one priority, smaller is earlier."""
    request: dict[str, Any]
    progress: JobProgress = JobProgress()
    result: dict[str, Any] | None = None
    """`clip`, `images` (frames), `takes`, `grid`, `run` or `report`, with the figures of the job."""
    error: str | None = None
    notes: list[str] = []
    project: Id | None = None
    attempts: int = 0
    created: float
    """Seconds since 1970."""
    started: float | None = None
    ended: float | None = None


class NewJob(Request):
    """A job to queue."""

    request: JobRequest
    title: Line = ""
    priority: int = Field(default=NORMAL, ge=IDLE, le=URGENT)


class JobChange(Request):
    """What to change of a waiting job."""

    priority: int | None = Field(default=None, ge=IDLE, le=URGENT)
    before: Id | None = Field(default=None, description="Put it directly before this job, with its priority.")
    title: Line | None = None


class Queue(Record):
    """All jobs in the order in which they run, and the state of the lanes."""

    paused: bool
    stop_after: bool
    """The queue pauses when the running job has ended."""
    lanes: list[str]
    jobs: list[Job]


class QueueChange(Request):
    """What to change of the queue."""

    paused: bool | None = None
    stop_after: bool | None = None


class Event(Record):
    """What happened; the `data` of a server-sent event, whose id is `id`."""

    id: int
    kind: str
    """job, queue, frame, preview, project, take, clip, star, upload, grid, run, doctor, choose, reset; a ping: the line holds."""
    subject: str = ""
    """The id or digest that it is about."""
    data: dict[str, Any] = {}
