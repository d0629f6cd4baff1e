"""Choosing sessions as rows and as the page shows them."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from sakuga.studio.choosing.beginning import SESSIONS, SessionRequest, begin_session, resolve_session
from sakuga.studio.choosing.live import View
from sakuga.studio.choosing.session import Session as OpenSession
from sakuga.studio.choosing.tree import Node
from sakuga.web.data_folder import DataFolder
from sakuga.web.database import Database, add_event, new_id, now, packed
from sakuga.web.refusal import missing
from sakuga.web.schemas.choose import ChooseState, Session, SessionNode


def session_log(data: DataFolder, session: str) -> Path:
    """Return the path of a session's decision log."""
    return data.home / SESSIONS / f"{session}.jsonl"


def add_session(data: DataFolder, database: Database, request: SessionRequest, title: str) -> str:
    """Begin a session and return its id; raises SakugaError."""
    resolved, loaded = resolve_session(request)
    name, when = new_id(), now()
    session = begin_session(session_log(data, name), resolved, loaded, request.move)
    outside = resolved.styles.outside_styles([resolved.settings.style]).values()
    styles = [use.request.name for use in resolved.uses if use.style in outside]
    with database.write() as connection:
        values = (name, title, resolved.files.name, packed(styles), session.tree.current.frame, 1, when, when)
        connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        add_event(connection, "choose", name)
    return name


def session_row(connection: sqlite3.Connection, session: str) -> sqlite3.Row:
    """Return a session's row; raises Refused."""
    row = connection.execute("SELECT * FROM sessions WHERE id = ?", (session,)).fetchone()
    if row is None:
        raise missing("session", session)
    assert isinstance(row, sqlite3.Row)
    return row


def outside_styles_of(row: sqlite3.Row) -> list[str]:
    """Return the names of a session's styles that are not the model's own."""
    return list(json.loads(row["styles"]))


def session_of(row: sqlite3.Row) -> Session:
    """Read a row."""
    return Session.model_validate({key: row[key] for key in Session.model_fields})


def state_of(row: sqlite3.Row, session: OpenSession, view: View) -> ChooseState:
    """Return a session as the choose page shows it."""
    tree = view.tree
    return ChooseState(
        id=row["id"],
        title=row["title"],
        version=view.version,
        nodes=[_node(node, view) for node in tree.nodes],
        current=tree.place.current,
        shown=[node.id for node in tree.shown],
        likelihood=list(view.likelihood),
        path=[node.id for node in tree.path()],
        variants=session.layout.resolved.chain.variants,
        move=session.move,
        can_undo=bool(tree.past),
        can_redo=bool(tree.future),
        going_on=view.going_on,
        error=view.error,
    )


def _node(node: Node, view: View) -> SessionNode:
    place = view.tree.place
    return SessionNode(
        id=node.id,
        parent=node.parent,
        digest=node.frame if node.frame in view.landed else None,
        seed=node.choice.seed if node.choice else None,
        move=node.choice.move if node.choice else None,
        pinned=node.id in place.pinned,
        discarded=node.id in place.discarded,
    )


def told_of(view: View) -> dict[str, Any]:
    """Return the data of a `choose` event; the page reads the rest."""
    shown = view.tree.shown
    return {
        "version": view.version,
        "current": view.tree.place.current,
        "shown": [node.id for node in shown],
        "ready": all(node.frame in view.landed for node in shown),
        "error": view.error,
    }
