"""Projects as rows: a film whose shots can be changed one at a time."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.story.film import Film, to_document
from sakuga.web.database import add_event, new_id, now, packed
from sakuga.web.film_reading import FilmText, Reading, head_of, read_film_text, read_shot_text, short_film
from sakuga.web.refusal import Refused, missing
from sakuga.web.schemas import BibleText, LintNote, Project, ProjectSummary, Shot, Take

STALE_KEYS = ("prompt", "style", "negative", "guidance", "steps", "strength", "control_weight", "init_from", "motion", "motion_scale")
"""Keys of a shot that its takes depend on; the seed is a take's own."""


def text_of(connection: sqlite3.Connection, project: str) -> FilmText:
    """Return a project's film as its rows hold it; raises Refused."""
    row = project_row(connection, project)
    shots = connection.execute("SELECT fields FROM shots WHERE project = ? ORDER BY position", (project,))
    head = head_of({"idea": row["idea"], **json.loads(row["settings"])}, json.loads(row["bible"]))
    return FilmText(head=head, shots=tuple(fields for (fields,) in shots))


def document_of(connection: sqlite3.Connection, project: str) -> dict[str, Any]:
    """Return a project's film as the tables of its file; raises Refused."""
    return text_of(connection, project).document


def reading_of(connection: sqlite3.Connection, project: str) -> Reading:
    """Return a project's film as it was understood; raises FilmError where it has no shots."""
    return read_film_text(text_of(connection, project))


def film_of(connection: sqlite3.Connection, project: str) -> Film:
    """Return a project's film; raises FilmError where it has no shots."""
    return reading_of(connection, project).film


def layout_of(document: Mapping[str, Any], shots: Sequence[str]) -> str:
    """Return a digest of where a film's frames lie in time, by its shots' ids."""
    keys = ("seconds", "transition", "hold", "on")
    rows = [[name, *(shot.get(key) for key in keys)] for name, shot in zip(shots, document["shots"], strict=True)]
    return hashlib.sha256(packed([document["film"].get("fps"), rows]).encode()).hexdigest()[:16]


def edits_of(connection: sqlite3.Connection, project: str) -> tuple[list[Any], bool]:
    """Return the edits of a project's frames, and whether the frames lie as they did."""
    row = project_row(connection, project)
    edits = json.loads(row["edits"])
    if not edits:
        return [], True
    return edits, row["edited_layout"] == layout_of(document_of(connection, project), shot_ids(connection, project))


def set_edits(connection: sqlite3.Connection, project: str, edits: Sequence[Any], layout: str | None = None) -> None:
    """Record the edits of a project's frames; by default they fit the film as it is."""
    layout = layout or layout_of(document_of(connection, project), shot_ids(connection, project))
    connection.execute("UPDATE projects SET edits = ?, edited_layout = ? WHERE id = ?", (packed([*edits]), layout, project))
    add_event(connection, "project", project, {"version": project_row(connection, project)["version"]})


def project_row(connection: sqlite3.Connection, project: str) -> sqlite3.Row:
    """Return a project's row; raises Refused."""
    row = connection.execute("SELECT * FROM projects WHERE id = ?", (project,)).fetchone()
    if row is None:
        raise missing("project", project)
    assert isinstance(row, sqlite3.Row)
    return row


def shot_row(connection: sqlite3.Connection, shot: str) -> sqlite3.Row:
    """Return a shot's row; raises Refused."""
    row = connection.execute("SELECT * FROM shots WHERE id = ?", (shot,)).fetchone()
    if row is None:
        raise missing("shot", shot)
    assert isinstance(row, sqlite3.Row)
    return row


def add_project(connection: sqlite3.Connection, film: Film, title: str, notes: Iterable[str] = (), edits: Sequence[Any] = ()) -> str:
    """Add a project of a film and of edits of its frames; returns its id."""
    document, name, moment = to_document(film), new_id(), now()
    idea = document["film"].pop("idea", "")
    connection.execute(
        "INSERT INTO projects (id, title, idea, settings, bible, notes, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            name,
            title or idea[:80] or "untitled",
            idea,
            packed(document["film"]),
            packed(document["bible"]),
            packed([*notes]),
            moment,
            moment,
        ),
    )
    insert_shots(connection, name, document["shots"])
    set_edits(connection, name, edits)
    return name


def replace_film(connection: sqlite3.Connection, project: str, film: Film, notes: Iterable[str] = ()) -> None:
    """Replace a project's film; shots that stay the same keep their takes."""
    document = to_document(film)
    idea = document["film"].pop("idea", "")
    connection.execute(
        "UPDATE projects SET idea = ?, settings = ?, bible = ?, notes = ? WHERE id = ?",
        (idea, packed(document["film"]), packed(document["bible"]), packed([*notes]), project),
    )
    present = connection.execute("SELECT id FROM shots WHERE project = ? ORDER BY position", (project,)).fetchall()
    for row, fields in zip(present, document["shots"], strict=False):
        connection.execute("UPDATE shots SET fields = ? WHERE id = ?", (packed(fields), row["id"]))
    for row in present[len(document["shots"]) :]:
        connection.execute("DELETE FROM shots WHERE id = ?", (row["id"],))
    insert_shots(connection, project, document["shots"][len(present) :], len(present))
    touch(connection, project)


def insert_shots(connection: sqlite3.Connection, project: str, shots: Sequence[Mapping[str, Any]], first: int = 0) -> None:
    """Add shots at the end."""
    for position, fields in enumerate(shots, first):
        insert = "INSERT INTO shots (id, project, position, fields) VALUES (?, ?, ?, ?)"
        connection.execute(insert, (new_id(), project, position, packed(fields)))


def order_shots(connection: sqlite3.Connection, shots: Sequence[str]) -> None:
    """Number shots by their order."""
    connection.executemany("UPDATE shots SET position = ? WHERE id = ?", [(place, name) for place, name in enumerate(shots)])


def shot_ids(connection: sqlite3.Connection, project: str) -> list[str]:
    """Return the ids of a project's shots, in order."""
    return [row["id"] for row in connection.execute("SELECT id FROM shots WHERE project = ? ORDER BY position", (project,))]


def touch(connection: sqlite3.Connection, project: str) -> None:
    """Check the changed film, count the change, and tell every page; raises FilmError for a film that cannot be rendered."""
    film_of(connection, project)
    connection.execute("UPDATE projects SET version = version + 1, updated = ? WHERE id = ?", (now(), project))
    add_event(connection, "project", project, {"version": project_row(connection, project)["version"]})


def read_project(connection: sqlite3.Connection, project: str) -> Project:
    """Return a project with its shots, their warnings and takes."""
    row, reading = project_row(connection, project), reading_of(connection, project)
    places = range(len(reading.shots))
    notes, extra = shot_warnings(reading, places)
    rows = connection.execute("SELECT * FROM shots WHERE project = ? ORDER BY position", (project,)).fetchall()
    takes = takes_by_shot(connection, project)
    edits, fit = edits_of(connection, project)
    shots = [_shot(rows[place], reading, place, notes[place], takes.get(rows[place]["id"], [])) for place in places]
    return Project(
        id=project,
        title=row["title"],
        idea=row["idea"],
        version=row["version"],
        settings=json.loads(row["settings"]),
        bible=BibleText(**json.loads(row["bible"])),
        shots=shots,
        seconds=sum(shot.seconds for shot in shots),
        notes=[*json.loads(row["notes"]), *extra],
        edits=edits,
        edits_fit=fit,
        created=row["created"],
        updated=row["updated"],
    )


def read_shot(connection: sqlite3.Connection, shot: str) -> Shot:
    """Return a shot."""
    row = shot_row(connection, shot)
    reading = reading_of(connection, row["project"])
    place = shot_ids(connection, row["project"]).index(shot)
    notes, _ = shot_warnings(reading, (place,))
    takes = connection.execute("SELECT * FROM takes WHERE shot = ? ORDER BY created, rowid", (shot,)).fetchall()
    return _shot(row, reading, place, notes[0], takes)


def shot_warnings(reading: Reading, places: Sequence[int]) -> tuple[list[tuple[LintNote, ...]], list[str]]:
    """Return the warnings about shots, and why there are none."""
    text = reading.text
    try:
        return [_notes(text.head, _seen(text.shots, place)) for place in places], []
    except (CheckpointError, ValueError) as error:
        return [() for _ in places], [str(error)]


def _seen(shots: Sequence[str], place: int) -> tuple[str, ...]:
    """Return the shots that a shot's warnings depend on: itself, and one before it that AND may compose and that it may go on from."""
    first = place - 1 if place and "AND" in shots[place - 1] else place
    return tuple(shots[first : place + 1])


@lru_cache(maxsize=16_384)
def _notes(head: str, shots: tuple[str, ...]) -> tuple[LintNote, ...]:
    """Return the warnings about the last of these shots."""
    from sakuga.studio.animate.shot_notes import shot_notes

    found = shot_notes(short_film(head, shots))
    return tuple(LintNote(rule=note.rule, message=note.message) for note in found if note.shot == len(shots) - 1)


def _shot(row: sqlite3.Row, reading: Reading, place: int, notes: tuple[LintNote, ...], takes: Sequence[sqlite3.Row]) -> Shot:
    text = reading.text
    shot = _without_takes(row["id"], row["position"], bool(row["seed_locked"]), row["approved"], text.head, text.shots[place], notes)
    if not takes:
        return shot
    mark = fingerprint(reading.document, place)
    listed = [take_of(take, mark, row["approved"]) for take in takes]
    best = sorted(listed, key=lambda take: (take.stale, take.score is None, -(take.score or 0.0), take.created))
    return shot.model_copy(update={"takes": best})


@lru_cache(maxsize=16_384)
def _without_takes(
    name: str, position: int, seed_locked: bool, approved: str | None, head: str, fields: str, notes: tuple[LintNote, ...]
) -> Shot:
    reading = read_shot_text(head, fields)
    return Shot(
        id=name,
        position=position,
        full_prompt=reading.prompt,
        seed_locked=seed_locked,
        approved=approved,
        lint=[*notes],
        **reading.table,
    )


def takes_by_shot(connection: sqlite3.Connection, project: str) -> dict[str, list[sqlite3.Row]]:
    """Return the takes of each shot."""
    found: dict[str, list[sqlite3.Row]] = {}
    select = "SELECT takes.* FROM takes JOIN shots ON shots.id = takes.shot WHERE shots.project = ? ORDER BY takes.created, takes.rowid"
    for row in connection.execute(select, (project,)):
        found.setdefault(row["shot"], []).append(row)
    return found


def take_of(row: sqlite3.Row, mark: str, approved: str | None) -> Take:
    """Read a take; it is stale where the shot has changed since."""
    values = {key: row[key] for key in ("id", "shot", "seed", "quality", "state", "frame", "score", "job", "created")}
    return Take(**values, stale=row["fingerprint"] != mark, approved=row["id"] == approved)


def fingerprint(document: Mapping[str, Any], index: int) -> str:
    """Return a digest of what a shot's takes depend on, but for the seed.

    Those are its own keys, bible and settings, and of a shot that is morphed into the shots before.
    """
    shots = document["shots"]
    first = index
    while first and not str(shots[first - 1].get("transition", "morph")).startswith(("cut", "dissolve")):
        first -= 1
    own = {key: shots[index].get(key) for key in STALE_KEYS}
    settings = {key: value for key, value in document["film"].items() if key not in ("idea", "grain", "paper", "pixel")}
    return hashlib.sha256(packed([own, shots[first:index], document["bible"], settings]).encode()).hexdigest()[:16]


def summary_of(connection: sqlite3.Connection, row: sqlite3.Row) -> ProjectSummary:
    """Return a project as it stands in a list."""
    measured = "SELECT count(*), total(json_extract(fields, '$.seconds')) FROM shots WHERE project = ?"
    shots, seconds = connection.execute(measured, (row["id"],)).fetchone()
    cover = connection.execute(
        "SELECT takes.frame FROM takes JOIN shots ON shots.id = takes.shot WHERE shots.project = ? AND takes.frame IS NOT NULL "
        "ORDER BY takes.id = shots.approved DESC, shots.position, takes.score DESC LIMIT 1",
        (row["id"],),
    ).fetchone()
    clip = connection.execute("SELECT id FROM clips WHERE project = ? ORDER BY created DESC LIMIT 1", (row["id"],)).fetchone()
    return ProjectSummary(
        id=row["id"],
        title=row["title"],
        idea=row["idea"],
        shots=shots,
        seconds=seconds,
        cover=cover and cover[0],
        clip=clip and clip[0],
        created=row["created"],
        updated=row["updated"],
    )


def check_version(row: sqlite3.Row, expected: int | None) -> None:
    """Refuse a change that was made to an older state; raises Refused."""
    if expected is not None and expected != row["version"]:
        raise Refused("this project was changed in another window since: look at it again, then repeat your change", "conflict", "version")
