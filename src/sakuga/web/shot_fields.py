"""Changes of single shots, as rows."""

import json
import sqlite3
from typing import Any

from sakuga.story.planner import shot_seed
from sakuga.web.database import new_id, packed
from sakuga.web.names import check_motion, check_style
from sakuga.web.refusal import Refused
from sakuga.web.schemas import NewShot, ShotFields
from sakuga.web.storyboards import shot_ids, shot_row

REQUIRED = ("prompt", "seconds", "seed", "transition", "ease", "hold", "negative", "seed_locked", "camera")
"""Keys that every shot has: null leaves them as they are."""


def given_fields(change: ShotFields) -> dict[str, Any]:
    """Return what a request names, null included where a shot may leave a key out."""
    check_style(change.style)
    check_motion(change.motion)
    values = change.model_dump(exclude_unset=True, exclude={"after", "copy_of", "seed_locked"})
    return {key: value for key, value in values.items() if value is not None or key not in REQUIRED}


def merged(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a shot's table with changes; null takes a key out."""
    table = {key: value for key, value in {**fields, **changes}.items() if value is not None}
    if "camera" in table:
        table["camera"] = {**table["camera"], "pan": list(table["camera"].get("pan", (0.0, 0.0)))}
    return table


def add_shot(connection: sqlite3.Connection, project: str, new: NewShot) -> str:
    """Insert a shot; its place is set by `order_shots`."""
    fields = json.loads(shot_row(connection, new.copy_of)["fields"]) if new.copy_of else {"seconds": 2.0}
    changes = given_fields(new)
    if "prompt" not in {**fields, **changes} or not str({**fields, **changes}["prompt"]).strip():
        raise Refused("prompt: describe what the shot shows", field="prompt")
    name = new_id()
    if "seed" not in changes:
        changes["seed"] = shot_seed(int(name, 16), len(shot_ids(connection, project)))
    insert = "INSERT INTO shots (id, project, position, fields, seed_locked) VALUES (?, ?, 1000, ?, ?)"
    connection.execute(insert, (name, project, packed(merged(fields, changes)), int(bool(new.seed_locked))))
    return name


def change_shot(connection: sqlite3.Connection, shot: str, change: ShotFields) -> str:
    """Change a shot's keys; returns its project."""
    row = shot_row(connection, shot)
    fields = merged(json.loads(row["fields"]), given_fields(change))
    locked = row["seed_locked"] if change.seed_locked is None else int(change.seed_locked)
    connection.execute("UPDATE shots SET fields = ?, seed_locked = ? WHERE id = ?", (packed(fields), locked, shot))
    return str(row["project"])
