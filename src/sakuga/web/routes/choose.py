"""The choose page: sessions, decisions and their clip."""

from typing import Annotated, assert_never

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse

from sakuga.sketchbook.words import BAD, GOOD
from sakuga.story.settings import FilmSettings
from sakuga.studio.choosing.beginning import SessionRequest, parse_move
from sakuga.studio.choosing.live import Choosing, View
from sakuga.studio.choosing.log import Discard, Jump, Pin, Redo, Take, Undo
from sakuga.studio.choosing.tree import ROOT
from sakuga.timeline.variations import GuidanceTexts, VariationChain
from sakuga.web.choose_state import add_session, session_log, session_of, session_row, state_of
from sakuga.web.database import add_event
from sakuga.web.live_sessions import LiveSessions
from sakuga.web.names import check_settings
from sakuga.web.queue import add_job
from sakuga.web.recipes import image_path
from sakuga.web.refusal import Refused, missing
from sakuga.web.schemas.base import Id
from sakuga.web.schemas.choose import (
    ChooseDecision,
    ChooseState,
    DiscardNode,
    ExportSession,
    GoOn,
    JumpTo,
    NewSession,
    PinNode,
    RedoLast,
    RerollNode,
    Retry,
    Session,
    TakeNode,
    UndoLast,
)
from sakuga.web.schemas.jobs import ChooseJob, Job
from sakuga.web.state import State, StudioState
from sakuga.web.storage import check_room
from sakuga.web.task import read_settings
from sakuga.web.tasks import check_request

router = APIRouter(tags=["choose"])

ROUND = 4 << 20
"""Bytes that must be free for a session to begin."""


def live_sessions(request: Request) -> LiveSessions:
    """Return the live sessions of the app that serves a request."""
    found = request.app.state.live_sessions
    assert isinstance(found, LiveSessions)
    return found


Live = Annotated[LiveSessions, Depends(live_sessions)]


@router.get("/choose")
def list_sessions(state: State) -> list[Session]:
    """List sessions, the last used first."""
    with state.database.read() as connection:
        return [session_of(row) for row in connection.execute("SELECT * FROM sessions ORDER BY updated DESC LIMIT 1000")]


@router.post("/choose", status_code=201)
def create_session(new: NewSession, state: State, live: Live) -> ChooseState:
    """Begin a session, and generate its first images."""
    check_settings(new.settings, state.data)
    check_room(state.data, ROUND, state.quota)
    request = _session_request(new, read_settings(new.settings), state)
    return _state(add_session(state.data, state.database, request, new.title or _title(new)), state, live)


def _session_request(new: NewSession, settings: FilmSettings, state: StudioState) -> SessionRequest:
    with state.database.read() as connection:
        image = image_path(connection, state.data, new.image)
    texts = GuidanceTexts(good=GOOD if new.good is None else tuple(new.good), bad=BAD if new.bad is None else tuple(new.bad))
    return SessionRequest(
        image=image,
        chain=VariationChain(
            texts=texts, seed=new.seed, variants=new.variants, between=new.between, noise_shift=new.noise_shift, mode=new.in_betweens
        ),
        move=parse_move(new.mode, new.prompt, new.strength),
        default_texts=(new.good is None, new.bad is None),
        settings=settings,
        store=state.data.frames,
    )


def _title(new: NewSession) -> str:
    return new.prompt[:80] or {"variation": "Variations", "img2img": "Image to image", "prompt": "Prompt"}[new.mode]


@router.get("/choose/{session}")
def read_session(session: Id, state: State, live: Live) -> ChooseState:
    """Return a session; it is opened, and renders what it shows."""
    return _state(session, state, live)


@router.delete("/choose/{session}", status_code=204)
def delete_session(session: Id, state: State, live: Live) -> None:
    """Delete a session's decision log; its frames stay in the store."""
    with state.database.write() as connection:
        session_row(connection, session)
        connection.execute("DELETE FROM sessions WHERE id = ?", (session,))
        add_event(connection, "choose", session, {"deleted": True})
    live.forget(session)
    session_log(state.data, session).unlink(missing_ok=True)


@router.post("/choose/{session}/decide")
def decide(session: Id, decision: ChooseDecision, state: State, live: Live) -> ChooseState:
    """Follow a decision; it is in the log when this answers."""
    choosing = live.get(session)
    return _state(session, state, live, _followed(choosing, decision))


def _followed(choosing: Choosing, decision: ChooseDecision) -> View:
    match decision:
        case TakeNode(node=node):
            return choosing.decide(Take(node=node))
        case JumpTo(node=node):
            return choosing.decide(Jump(node=node))
        case PinNode(node=node, pinned=pinned):
            return choosing.decide(Pin(node=node, pinned=pinned))
        case DiscardNode(node=node, discarded=discarded):
            return choosing.decide(Discard(node=node, discarded=discarded))
        case UndoLast():
            return choosing.decide(Undo())
        case RedoLast():
            return choosing.decide(Redo())
        case RerollNode(move=move):
            return choosing.reroll(move)
        case GoOn(on=on):
            return choosing.go_on(on)
        case Retry():
            return choosing.retry()
        case _:
            assert_never(decision)


@router.post("/choose/{session}/export", status_code=201)
def export_session(session: Id, new: ExportSession, state: State, live: Live) -> Job:
    """Queue the clip of the way to a node."""
    tree = live.get(session).view.tree
    node = tree.node(new.node) if new.node is not None else tree.current
    if node.id == ROOT:
        raise Refused("nothing is chosen: take an image, then the way to it becomes a clip", field="node")
    request = ChooseJob(session=session, node=node.id, format=new.format)
    with state.database.read() as connection:
        title = str(session_row(connection, session)["title"])
        check_request(request, state.data, connection)
    with state.database.write() as connection:
        return add_job(connection, request, title=title, priority=5)


@router.get("/choose/{session}/log", response_class=FileResponse, responses={200: {"content": {"application/jsonl": {}}}})
def download_log(session: Id, state: State) -> FileResponse:
    """Return a session's decision log, which `sakuga replay` makes the clip of."""
    with state.database.read() as connection:
        session_row(connection, session)
    log, headers = session_log(state.data, session), {"cache-control": "no-store"}
    if not log.is_file():
        raise missing("log of the session", session)
    return FileResponse(log, media_type="application/jsonl", filename=f"{session}.jsonl", headers=headers)


def _state(session: str, state: StudioState, live: LiveSessions, view: View | None = None) -> ChooseState:
    choosing = live.get(session)
    with state.database.read() as connection:
        row = session_row(connection, session)
    return state_of(row, choosing.session, view or choosing.view)
