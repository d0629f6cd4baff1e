"""A typed client of the studio's API: `from sakuga.client import Studio`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2
from pydantic import BaseModel, TypeAdapter

from sakuga import InputError
from sakuga.files import write_bytes
from sakuga.timeline.edits import Edit
from sakuga.web.schemas import (
    ChooseDecision,
    ChooseState,
    ChosenTakes,
    Clip,
    Event,
    ExportSession,
    Frame,
    FrameTake,
    Grid,
    GridJob,
    GridSummary,
    Job,
    JobRequest,
    LibraryPage,
    Mark,
    NewClip,
    NewExport,
    NewJob,
    NewPlan,
    NewProject,
    NewRedo,
    NewSession,
    NewTakes,
    Options,
    Project,
    ProjectEdits,
    ProjectSummary,
    Queue,
    RenderRequest,
    Retime,
    Session,
    Shot,
    ShotFields,
    Status,
    StudyInfo,
    StudyJob,
    StudyPlan,
    StudyProgress,
    Take,
    Timeline,
    Upload,
)

Answer = TypeVar("Answer")

ENDED = ("done", "failed", "cancelled")
API = "/api/v1"


class ApiRefusal(InputError):
    """The studio refused a request; the message is its sentence."""

    def __init__(self, message: str, code: str, field: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.code, self.field, self.line = code, field, line


class Studio:
    """A studio that serves at an address.

    Use it in `with`, or close it. Every method raises ApiRefusal for what the studio refuses, and InputError where none answers.
    """

    def __init__(self, address: str = "http://127.0.0.1:8765", token: str | None = None, *, timeout: float = 60.0) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self._http = httpx2.Client(base_url=address, headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # The studio.

    def status(self) -> Status:
        """Return version, device and disk use."""
        return self._get("/status", Status)

    def options(self) -> Options:
        """Return every option with its help, default and range."""
        return self._get("/options", Options)

    # Storyboards.

    def projects(self) -> list[ProjectSummary]:
        """List projects, the one changed last first."""
        return self._get("/projects", list[ProjectSummary])

    def project(self, project: str) -> Project:
        """Return a project with its shots and takes."""
        return self._get(f"/projects/{project}", Project)

    def plan(self, idea: str, **values: Any) -> Project:
        """Plan a project from an idea; `values` are those of NewProject."""
        return self._post("/projects", Project, NewProject(idea=idea, **values))

    def plan_again(self, project: str, idea: str, **values: Any) -> Project:
        """Plan a project's shots anew; `values` are those of NewPlan."""
        return self._post(f"/projects/{project}/plan", Project, NewPlan(idea=idea, **values))

    def change_shot(self, shot: str, **fields: Any) -> Shot:
        """Change keys of a shot; None leaves a setting to the film."""
        change = ShotFields(**fields).model_dump(mode="json", exclude_unset=True)
        return self._ask("PATCH", f"/shots/{shot}", Shot, json=change)

    def generate_takes(self, shot: str, **values: Any) -> Job:
        """Queue takes of a shot; `values` are those of NewTakes."""
        return self._post(f"/shots/{shot}/takes", Job, NewTakes(**values))

    def takes(self, shot: str) -> list[Take]:
        """List a shot's takes, best first."""
        return self._get(f"/shots/{shot}/takes", list[Take])

    def approve(self, take: str) -> Project:
        """Approve a keyframe."""
        return self._post(f"/takes/{take}/approve", Project)

    def render(self, project: str, **values: Any) -> Job:
        """Queue a project's clip; `values` are those of RenderRequest."""
        return self._post(f"/projects/{project}/render", Job, RenderRequest(**values))

    # Jobs.

    def submit(self, request: JobRequest, *, title: str = "", priority: int = 0) -> Job:
        """Queue a job."""
        return self._post("/jobs", Job, NewJob(request=request, title=title, priority=priority))

    def queue(self) -> Queue:
        """Return all jobs in the order in which they run."""
        return self._get("/queue", Queue)

    def job(self, job: str) -> Job:
        """Return a job."""
        return self._get(f"/jobs/{job}", Job)

    def cancel(self, job: str) -> Job:
        """Cancel a job."""
        return self._post(f"/jobs/{job}/cancel", Job)

    def pause(self, job: str) -> Job:
        """Pause a job."""
        return self._post(f"/jobs/{job}/pause", Job)

    def resume(self, job: str) -> Job:
        """Let a paused job go on."""
        return self._post(f"/jobs/{job}/resume", Job)

    def retry(self, job: str) -> Job:
        """Queue a failed or cancelled job again."""
        return self._post(f"/jobs/{job}/retry", Job)

    def watch(self, job: str) -> Iterator[Job]:
        """Yield a job whenever it changes, until it has ended."""
        after = self.status().last_event
        now = self.job(job)
        yield now
        if now.state in ENDED:
            return
        for event in self.events(after):
            if event.kind == "reset" or (event.kind == "job" and event.subject == job):
                now = self.job(job)
                yield now
                if now.state in ENDED:
                    return

    def wait(self, job: str) -> Job:
        """Return a job when it has ended."""
        *_, last = self.watch(job)
        return last

    def events(self, after: int | None = None) -> Iterator[Event]:
        """Yield what happens, without a gap where the connection breaks; `after` goes on after an event."""
        while True:
            params = {} if after is None else {"after": after}
            try:
                with self._http.stream("GET", f"{API}/events", params=params, timeout=httpx2.Timeout(30.0)) as answer:
                    if answer.is_error:
                        answer.read()
                        _raise(answer)
                    for line in answer.iter_lines():
                        if line.startswith("data: "):
                            event = Event.model_validate_json(line.removeprefix("data: "))
                            after = event.id
                            if event.kind != "ping":
                                yield event
            except (httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.ReadTimeout):
                continue
            except httpx2.TransportError as error:
                raise InputError(f"no studio answers at {self._http.base_url} ({error}): start one with `sakuga studio`") from None

    # Frames.

    def frame(self, digest: str, width: int | None = None) -> bytes:
        """Return a frame as PNG, or a WebP thumbnail of some width."""
        return self._request("GET", f"/frames/{digest}", params={} if width is None else {"w": width}).content

    def frame_details(self, digest: str) -> Frame:
        """Return what decides a frame."""
        return self._get(f"/frames/{digest}", Frame)

    # Choosing.

    def sessions(self) -> list[Session]:
        """List choosing sessions, the last used first."""
        return self._get("/choose", list[Session])

    def begin_choosing(self, image: str, **values: Any) -> ChooseState:
        """Begin to choose from an upload or a frame; `values` are those of NewSession."""
        return self._post("/choose", ChooseState, NewSession(image=image, **values))

    def session(self, session: str) -> ChooseState:
        """Return a session; the studio renders what it shows."""
        return self._get(f"/choose/{session}", ChooseState)

    def images_to_choose(self, session: str) -> ChooseState:
        """Return a session once every image shown is there; raises InputError where one cannot be generated."""
        after = self.status().last_event
        state = self.session(session)
        events = self.events(after)
        while not state.error and not all(state.nodes[node].digest for node in state.shown):
            next(event for event in events if event.kind == "reset" or (event.kind, event.subject) == ("choose", session))
            state = self.session(session)
        if state.error:
            raise InputError(f"the images cannot be generated: {state.error}")
        return state

    def decide(self, session: str, decision: ChooseDecision) -> ChooseState:
        """Follow a decision, such as `TakeNode(node=3)`; it is in the log when this returns."""
        return self._post(f"/choose/{session}/decide", ChooseState, decision)

    def export_session(self, session: str, **values: Any) -> Job:
        """Queue the clip of the way to a node; `values` are those of ExportSession."""
        return self._post(f"/choose/{session}/export", Job, ExportSession(**values))

    def download_log(self, session: str, path: Path | str) -> Path:
        """Write a session's decision log, which `sakuga replay` makes the clip of."""
        write_bytes(Path(path), self._request("GET", f"{API}/choose/{session}/log").content)
        return Path(path)

    def delete_session(self, session: str) -> None:
        """Delete a session's decision log; its frames stay."""
        self._request("DELETE", f"{API}/choose/{session}")

    # Grids.

    def grid(self, prompt: str, axes: Sequence[str], **values: Any) -> Job:
        """Queue a grid, such as `grid("a castle", ["steps=10,20"])`; `values` are those of GridJob."""
        return self.submit(GridJob(prompt=prompt, axes=[*axes], **values))

    def grids(self) -> list[GridSummary]:
        """List grids, the newest first."""
        return self._get("/grids", list[GridSummary])

    def read_grid(self, grid: str) -> Grid:
        """Return a grid with its cells; its id is that of its job."""
        return self._get(f"/grids/{grid}", Grid)

    def download_sheet(self, grid: str, path: Path | str, sheet: int = 1) -> Path:
        """Write a labelled sheet as PNG; there is one for each value of the third axis."""
        write_bytes(Path(path), self._request("GET", f"{API}/grids/{grid}/sheets/{sheet}").content)
        return Path(path)

    def film_of_cell(self, grid: str, cell: int) -> Project:
        """Begin a film with a cell, counted from 0."""
        return self._post(f"/grids/{grid}/cells/{cell}/film", Project)

    # Studies.

    def studies(self) -> list[StudyInfo]:
        """List the studies that can be started."""
        return self._get("/studies", list[StudyInfo])

    def plan_study(self, name: str, **values: Any) -> StudyPlan:
        """Return the runs of a study and their time; `values` are those of StudyJob."""
        return self._post("/studies/plan", StudyPlan, StudyJob(name=name, **values))  # type: ignore[arg-type]

    def study(self, job: str) -> StudyProgress:
        """Return how far the study of a job is."""
        return self._get(f"/studies/{job}", StudyProgress)

    # The timeline.

    def timeline(self, clip: str) -> Timeline:
        """Return a clip's frames in time; they are counted from 0."""
        return self._get(f"/clips/{clip}/timeline", Timeline)

    def mark(self, clip: str, frames: Sequence[int], bad: bool = True) -> Timeline:
        """Mark frames as bad, or take the marks off."""
        return self._post(f"/clips/{clip}/marks", Timeline, Mark(frames=[*frames], bad=bad))

    def redo(self, clip: str, frames: Sequence[int], **values: Any) -> Job:
        """Queue takes of frames; `values` are those of NewRedo."""
        return self._post(f"/clips/{clip}/takes", Job, NewRedo(frames=[*frames], **values))

    def frame_takes(self, clip: str) -> list[FrameTake]:
        """List the takes of a clip's frames."""
        return self._get(f"/clips/{clip}/takes", list[FrameTake])

    def put_in_place(self, clip: str, takes: Sequence[str], **values: Any) -> Job:
        """Queue the clip with these takes in place; `values` are those of ChosenTakes."""
        return self._post(f"/clips/{clip}/choose", Job, ChosenTakes(takes=[*takes], **values))

    def retime(self, clip: str, **values: Any) -> Job:
        """Queue the clip with other times; `values` are those of Retime."""
        return self._post(f"/clips/{clip}/retime", Job, Retime(**values))

    def export(self, clip: str, **values: Any) -> Job:
        """Queue a clip in another format; `values` are those of NewExport."""
        return self._post(f"/clips/{clip}/export", Job, NewExport(**values))

    def change_edits(self, project: str, edits: Sequence[Edit]) -> Project:
        """Record edits of a film's frames as they lie at present; none forgets them."""
        return self._ask("PUT", f"/projects/{project}/edits", Project, json=ProjectEdits(edits=[*edits]).model_dump(mode="json"))

    # Images and clips.

    def clips(self) -> list[Clip]:
        """List clips, the newest first."""
        return self._get("/clips", list[Clip])

    def clip(self, clip: str) -> Clip:
        """Return a clip."""
        return self._get(f"/clips/{clip}", Clip)

    def bring_clip(self, upload: str, title: str = "") -> Clip:
        """Add an uploaded clip to the library; with a recipe of sakuga its frames can be redone."""
        return self._post("/clips", Clip, NewClip(upload=upload, title=title))

    def download(self, clip: str, path: Path | str) -> Path:
        """Write a clip's file."""
        write_bytes(Path(path), self._request("GET", f"{API}/clips/{clip}/file").content)
        return Path(path)

    def library(self, query: str = "", **values: Any) -> LibraryPage:
        """Return a page of the gallery."""
        return self._ask("GET", "/library", LibraryPage, params={"query": query, **values})

    def upload(self, path: Path | str) -> Upload:
        """Bring an image, a clip or a film.toml."""
        content = Path(path).read_bytes()
        return self._ask("POST", "/uploads", Upload, params={"name": Path(path).name}, content=content)

    # Requests.

    def _get(self, path: str, kind: type[Answer]) -> Answer:
        return self._ask("GET", path, kind)

    def _post(self, path: str, kind: type[Answer], body: BaseModel | None = None) -> Answer:
        return self._ask("POST", path, kind, json=None if body is None else body.model_dump(mode="json"))

    def _ask(self, method: str, path: str, kind: type[Answer], **values: Any) -> Answer:
        return TypeAdapter(kind).validate_json(self._request(method, f"{API}{path}", **values).content)

    def _request(self, method: str, path: str, **values: Any) -> httpx2.Response:
        try:
            answer = self._http.request(method, path, **values)
        except httpx2.TransportError as error:
            raise InputError(f"no studio answers at {self._http.base_url} ({error}): start one with `sakuga studio`") from None
        if answer.is_error:
            _raise(answer)
        return answer


def _raise(answer: httpx2.Response) -> None:
    """Raise the refusal in an answer."""
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        raise ApiRefusal(f"the studio answered {answer.status_code}", "failed") from None
    raise ApiRefusal(error["message"], error["code"], error["field"], error["line"])
