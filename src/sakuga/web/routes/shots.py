"""Single shots."""

from fastapi import APIRouter

from sakuga.web.refusal import Refused
from sakuga.web.schemas import Id, Project, Shot, ShotFields
from sakuga.web.shot_fields import change_shot
from sakuga.web.state import State
from sakuga.web.storyboards import order_shots, read_project, read_shot, shot_ids, shot_row, touch

router = APIRouter(tags=["storyboard"])


@router.get("/shots/{shot}")
def read_one_shot(shot: Id, state: State) -> Shot:
    """Return a shot with its warnings and takes."""
    with state.database.read() as connection:
        return read_shot(connection, shot)


@router.patch("/shots/{shot}")
def change_one_shot(shot: Id, change: ShotFields, state: State) -> Shot:
    """Change the keys that are given; null leaves a setting to the film."""
    with state.database.write() as connection:
        touch(connection, change_shot(connection, shot, change))
        return read_shot(connection, shot)


@router.delete("/shots/{shot}")
def delete_shot(shot: Id, state: State) -> Project:
    """Remove a shot and its takes."""
    with state.database.write() as connection:
        project = str(shot_row(connection, shot)["project"])
        rest = [name for name in shot_ids(connection, project) if name != shot]
        if not rest:
            raise Refused("a film needs a shot: add another one first, or delete the project", "conflict")
        connection.execute("DELETE FROM shots WHERE id = ?", (shot,))
        order_shots(connection, rest)
        touch(connection, project)
        return read_project(connection, project)
