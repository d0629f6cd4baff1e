"""The library: all clips and images, and comparisons of two."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from sakuga.export import read_recipe
from sakuga.rendering.store import StoreError
from sakuga.timeline.plain_data import to_plain
from sakuga.web.database import add_event, now
from sakuga.web.recipes import document_of_text
from sakuga.web.refusal import missing
from sakuga.web.schemas import Comparison, Difference, LibraryEntry, LibraryPage, Order
from sakuga.web.state import State, StudioState

router = APIRouter(tags=["library"])

Entry = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{12}|[0-9a-f]{64})$")]
"""A clip's id or an image's digest."""
ENTRIES = """
SELECT id, 'clip' AS kind, title, width, height, frames, seconds, prompts, bytes, created FROM clips
UNION ALL
SELECT digest, 'image', title, width, height, 1, 0.0, json_array(prompt), 0, created FROM images
"""
STARRED = "id IN (SELECT entry FROM stars) AS starred"
ORDERS = {"newest": "created DESC", "oldest": "created", "title": "title COLLATE NOCASE", "largest": "bytes DESC"}


@router.get("/library")
def list_library(
    state: State,
    query: Annotated[str, Query(max_length=200)] = "",
    kind: Literal["clip", "image"] | None = None,
    starred: bool = False,
    order: Order = "newest",
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> LibraryPage:
    """Return a page of the gallery; `query` is searched in titles and prompts, each word."""
    words = [f"%{word.translate(_ESCAPES)}%" for word in query.split()]
    where = ["(title LIKE ? ESCAPE '\\' OR prompts LIKE ? ESCAPE '\\')" for _ in words]
    values: list[Any] = [word for word in words for _ in range(2)]
    if kind:
        where.append("kind = ?")
        values.append(kind)
    if starred:
        where.append("id IN (SELECT entry FROM stars)")
    chosen = f"FROM ({ENTRIES}) WHERE {' AND '.join(where) or '1'}"
    with state.database.read() as connection:
        total = connection.execute(f"SELECT count(*) {chosen}", values).fetchone()[0]
        page = f"SELECT *, {STARRED} {chosen} ORDER BY {ORDERS[order]}, id LIMIT ? OFFSET ?"
        entries = [entry_of(row) for row in connection.execute(page, (*values, limit, offset)).fetchall()]
    end = offset + len(entries)
    return LibraryPage(entries=entries, total=total, next=end if end < total and entries else None)


_ESCAPES = str.maketrans({"%": "\\%", "_": "\\_", "\\": "\\\\"})


def entry_of(row: sqlite3.Row) -> LibraryEntry:
    """Read a row of the gallery."""
    clip = row["kind"] == "clip"
    return LibraryEntry(
        id=row["id"],
        kind=row["kind"],
        title=row["title"],
        thumbnail=f"/api/v1/clips/{row['id']}/frames/0?w=256" if clip else f"/frames/{row['id']}?w=256",
        url=f"/api/v1/clips/{row['id']}/file" if clip else f"/frames/{row['id']}",
        width=row["width"],
        height=row["height"],
        frames=row["frames"],
        seconds=row["seconds"],
        prompts=json.loads(row["prompts"]),
        starred=bool(row["starred"]),
        created=row["created"],
    )


def read_entry(connection: sqlite3.Connection, entry: str) -> LibraryEntry:
    """Return an entry of the gallery; raises Refused."""
    row = connection.execute(f"SELECT *, {STARRED} FROM ({ENTRIES}) WHERE id = ?", (entry,)).fetchone()
    if row is None:
        raise missing("clip or image", entry[:12])
    return entry_of(row)


@router.put("/library/{entry}/star")
def star(entry: Entry, state: State) -> LibraryEntry:
    """Give an entry a star."""
    with state.database.write() as connection:
        read_entry(connection, entry)
        connection.execute("INSERT OR IGNORE INTO stars (entry, created) VALUES (?, ?)", (entry, now()))
        add_event(connection, "star", entry, {"starred": True})
        return read_entry(connection, entry)


@router.delete("/library/{entry}/star")
def unstar(entry: Entry, state: State) -> LibraryEntry:
    """Take the star off an entry."""
    with state.database.write() as connection:
        connection.execute("DELETE FROM stars WHERE entry = ?", (entry,))
        add_event(connection, "star", entry, {"starred": False})
        return read_entry(connection, entry)


@router.get("/library/compare")
def compare(first: Entry, second: Entry, state: State) -> Comparison:
    """Name the settings in which two entries differ."""
    with state.database.read() as connection:
        entries = [read_entry(connection, one) for one in (first, second)]
        one, other = (flat(_recipe(connection, state, entry)) for entry in entries)
    keys = [key for key in dict.fromkeys([*one, *other]) if one.get(key) != other.get(key)]
    differences = [Difference(key=key, first=one.get(key), second=other.get(key)) for key in keys]
    return Comparison(first=entries[0], second=entries[1], differences=differences)


def _recipe(connection: sqlite3.Connection, state: StudioState, entry: LibraryEntry) -> dict[str, Any]:
    """Return what an entry was made with."""
    if entry.kind == "clip":
        file = connection.execute("SELECT file FROM clips WHERE id = ?", (entry.id,)).fetchone()["file"]
        return document_of_text(read_recipe(state.data.clips / file))
    row = connection.execute("SELECT jobs.request FROM images JOIN jobs ON jobs.id = images.job WHERE digest = ?", (entry.id,)).fetchone()
    try:
        return _drawn(json.loads(row["request"]), entry) if row else dict(to_plain(state.store.spec(entry.id)))
    except StoreError:
        return {}


def _drawn(request: Mapping[str, Any], entry: LibraryEntry) -> dict[str, Any]:
    """Return what an image's job was asked for, with the words of this image alone."""
    return {"prompt": ", ".join(entry.prompts), **{key: value for key, value in request.items() if key != "prompts"}}


def flat(value: Any, key: str = "") -> dict[str, Any]:
    """Return nested values by dotted key, lists counted from 1.

    >>> flat({"film": {"steps": 4}, "shots": [{"seed": 1}]})
    {'film.steps': 4, 'shots.1.seed': 1}
    """
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value, 1)
        return {name: own for part, inner in items for name, own in flat(inner, f"{key}.{part}" if key else str(part)).items()}
    return {key: value}
