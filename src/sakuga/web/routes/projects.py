"""Projects and their films."""

from fastapi import APIRouter
from fastapi.responses import Response

from sakuga.story.film import Film, from_document, to_document, to_toml
from sakuga.studio import planner, storyboard
from sakuga.studio.animate.shot_notes import shot_notes
from sakuga.web.database import add_event, packed
from sakuga.web.film_lines import parse_film
from sakuga.web.names import check_film, check_planner, check_settings
from sakuga.web.queue import add_job
from sakuga.web.recipes import film_of_clip
from sakuga.web.refusal import Refused
from sakuga.web.schemas import (
    FilmTables,
    FilmText,
    FilmTextChange,
    Id,
    Job,
    LintNote,
    NewPlan,
    NewProject,
    NewShot,
    Project,
    ProjectChange,
    ProjectEdits,
    ProjectSummary,
    RenderRequest,
    Shot,
    ShotLint,
    ShotOrder,
)
from sakuga.web.schemas.jobs import RenderJob
from sakuga.web.shot_fields import add_shot
from sakuga.web.state import State, StudioState
from sakuga.web.storage import check_room
from sakuga.web.storyboards import (
    add_project,
    check_version,
    document_of,
    edits_of,
    film_of,
    order_shots,
    project_row,
    read_project,
    read_shot,
    replace_film,
    set_edits,
    shot_ids,
    shot_row,
    summary_of,
    touch,
)
from sakuga.web.task import read_settings
from sakuga.web.tasks import check_request

router = APIRouter(tags=["storyboard"])


@router.get("/projects")
def list_projects(state: State) -> list[ProjectSummary]:
    """List projects, the one changed last first."""
    with state.database.read() as connection:
        rows = connection.execute("SELECT * FROM projects ORDER BY updated DESC").fetchall()
        return [summary_of(connection, row) for row in rows]


@router.post("/projects", status_code=201)
def create_project(new: NewProject, state: State) -> Project:
    """Plan a project from an idea, or open a film, a clip or an upload."""
    if sum((bool(new.idea.strip()), new.film is not None, new.clip is not None)) != 1:
        raise Refused("describe an idea, or give a film or a clip: one of the three", field="idea")
    if new.clip is not None:
        with state.database.read() as connection:
            film, edits = film_of_clip(connection, state.data, new.clip)
    else:
        (film, notes), edits = _new_film(new, state), []
    with state.database.write() as connection:
        name = add_project(connection, film, new.title, () if new.clip else notes, edits)
        return read_project(connection, name)


def _new_film(new: NewProject, state: StudioState) -> tuple[Film, tuple[str, ...]]:
    if new.film is not None:
        return _checked(parse_film(new.film), state), ()
    check_settings(new.settings, state.data)
    check_planner(new.planner)
    settings = read_settings(new.settings)
    planned = storyboard(
        new.idea, shots=new.shots, seconds=new.seconds, seed=new.seed, model=settings.model or "sketchbook", planner=planner(new.planner)
    ).result()
    return Film(settings=settings, storyboard=planned.storyboard), planned.notes


def _checked(film: Film, state: StudioState) -> Film:
    check_film(to_document(film), state.data)
    return film


@router.get("/projects/{project}")
def read_one_project(project: Id, state: State) -> Project:
    """Return a project with its shots, their warnings and takes."""
    with state.database.read() as connection:
        return read_project(connection, project)


@router.patch("/projects/{project}")
def change_project(project: Id, change: ProjectChange, state: State) -> Project:
    """Change title, idea, settings or bible."""
    check_settings(change.settings or {}, state.data)
    with state.database.write() as connection:
        row = project_row(connection, project)
        check_version(row, change.version)
        document = document_of(connection, project)
        settings = {key: value for key, value in document["film"].items() if key != "idea"} | (change.settings or {})
        settings = {key: value for key, value in settings.items() if value is not None}
        bible = document["bible"] if change.bible is None else change.bible.model_dump()
        idea = row["idea"] if change.idea is None else change.idea
        connection.execute(
            "UPDATE projects SET title = ?, idea = ?, settings = ?, bible = ? WHERE id = ?",
            (row["title"] if change.title is None else change.title, idea, packed(settings), packed(bible), project),
        )
        touch(connection, project)
        return read_project(connection, project)


@router.delete("/projects/{project}", status_code=204)
def delete_project(project: Id, state: State) -> None:
    """Delete a project; its clips and frames stay."""
    with state.database.write() as connection:
        project_row(connection, project)
        connection.execute("DELETE FROM projects WHERE id = ?", (project,))
        add_event(connection, "project", project, {"deleted": True})


@router.post("/projects/{project}/plan")
def plan_project(project: Id, new: NewPlan, state: State) -> Project:
    """Plan the shots anew."""
    check_planner(new.planner)
    with state.database.read() as connection:
        settings = film_of(connection, project).settings
    planned = storyboard(
        new.idea, shots=new.shots, seconds=new.seconds, seed=new.seed, model=settings.model or "sketchbook", planner=planner(new.planner)
    ).result()
    with state.database.write() as connection:
        project_row(connection, project)
        connection.execute("DELETE FROM shots WHERE project = ?", (project,))
        replace_film(connection, project, Film(settings=settings, storyboard=planned.storyboard), planned.notes)
        return read_project(connection, project)


@router.get("/projects/{project}/film")
def read_film_text(project: Id, state: State) -> FilmText:
    """Return the film as the text of its file."""
    with state.database.read() as connection:
        return FilmText(text=to_toml(film_of(connection, project)))


@router.put("/projects/{project}/film")
def change_film_text(project: Id, change: FilmTextChange, state: State) -> Project:
    """Replace the film by the text of a film.toml; an error names its line."""
    film = _checked(parse_film(change.text), state)
    with state.database.write() as connection:
        project_row(connection, project)
        replace_film(connection, project, film)
        return read_project(connection, project)


@router.get("/projects/{project}/film.toml", response_class=Response, responses={200: {"content": {"application/toml": {}}}})
def download_film(project: Id, state: State) -> Response:
    """Return the film as a file."""
    text = read_film_text(project, state).text
    return Response(text, media_type="application/toml", headers={"content-disposition": 'attachment; filename="film.toml"'})


@router.get("/projects/{project}/lint")
def lint_project(project: Id, state: State) -> list[ShotLint]:
    """Return the warnings about each shot."""
    with state.database.read() as connection:
        return _lint(film_of(connection, project))


@router.post("/lint")
def lint_film(tables: FilmTables, state: State) -> list[ShotLint]:
    """Return the warnings about each shot of a film that is not stored."""
    check_film(tables.film, state.data)
    return _lint(from_document(tables.film, "film"))


def _lint(film: Film) -> list[ShotLint]:
    notes = shot_notes(film)
    return [
        ShotLint(shot=index, notes=[LintNote(rule=note.rule, message=note.message) for note in notes if note.shot == index])
        for index in range(len(film.storyboard.shots))
    ]


@router.put("/projects/{project}/order")
def order_project(project: Id, order: ShotOrder, state: State) -> Project:
    """Put the shots in another order."""
    with state.database.write() as connection:
        project_row(connection, project)
        if sorted(order.shots) != sorted(shot_ids(connection, project)):
            raise Refused("the new order must name each shot of the project once: look at it again", "conflict", "shots")
        order_shots(connection, order.shots)
        touch(connection, project)
        return read_project(connection, project)


@router.post("/projects/{project}/shots", status_code=201)
def create_shot(project: Id, new: NewShot, state: State) -> Shot:
    """Add a shot, at the end or after another; `copy_of` copies one."""
    with state.database.write() as connection:
        project_row(connection, project)
        ids = shot_ids(connection, project)
        for key in ("after", "copy_of"):
            if (other := getattr(new, key)) and shot_row(connection, other)["project"] != project:
                raise Refused("that shot belongs to another project", field=key)
        if len(ids) >= 60:
            raise Refused("a film has at most 60 shots: remove one first", "conflict")
        name = add_shot(connection, project, new)
        place = ids.index(new.after) + 1 if new.after else len(ids)
        order_shots(connection, [*ids[:place], name, *ids[place:]])
        touch(connection, project)
        return read_shot(connection, name)


@router.put("/projects/{project}/edits")
def change_edits(project: Id, change: ProjectEdits, state: State) -> Project:
    """Record edits for the frames as they lie at present, or forget them."""
    with state.database.read() as connection:
        request = RenderJob(film=document_of(connection, project), edits=change.edits)
        check_request(request, state.data, connection)
    with state.database.write() as connection:
        set_edits(connection, project, request.model_dump(mode="json")["edits"])
        return read_project(connection, project)


@router.post("/projects/{project}/render", status_code=201)
def render_project(project: Id, request: RenderRequest, state: State) -> Job:
    """Queue the film's clip or its preview, with the edits of its frames where they fit."""
    with state.database.read() as connection:
        document, ids = document_of(connection, project), shot_ids(connection, project)
        edits, fit = edits_of(connection, project)
        job = RenderJob(
            film=document,
            format=request.format,
            preview=request.quality == "preview",
            edits=edits if fit else [],
            project=project,
            shots=ids,
        )
        check_request(job, state.data, connection)
        title = project_row(connection, project)["title"]
    check_room(state.data, 0, state.quota)
    with state.database.write() as connection:
        return add_job(connection, job, title=title, project=project)
