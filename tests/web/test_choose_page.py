"""The choose page's routes: sessions, decisions, and a clip that replays."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage
from starlette.testclient import TestClient

from sakuga import studio
from sakuga.studio.choosing.log import read
from sakuga.timeline.spec import ENGINE
from sakuga.web.app import create_app
from sakuga.web.data_folder import DataFolder
from sakuga.web.database import Database
from sakuga.web.schemas.jobs import ChooseJob
from sakuga.web.tasks import make_task

ADDRESS = "http://127.0.0.1:8765"
API = "/api/v1/choose"


@pytest.fixture
def home(tmp_path: Path, tiny_v_folder: Path) -> Path:
    model = Path(shutil.copytree(tiny_v_folder, tmp_path / "models" / "tiny"))
    (model / "model_index.json").write_text("{}")
    return tmp_path


@pytest.fixture
def page(home: Path) -> Iterator[TestClient]:
    with TestClient(create_app(home), base_url=ADDRESS) as client:
        yield client


@pytest.fixture
def settings(home: Path) -> dict[str, Any]:
    return {"model": str(home / "models" / "tiny"), "size": "32", "steps": 2}


def upload(page: TestClient) -> str:
    made = io.BytesIO()
    PILImage.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(made, "PNG")
    return page.post("/api/v1/uploads?name=start.png", content=made.getvalue()).json()["id"]


def begin(page: TestClient, settings: dict[str, Any], **how: Any) -> dict[str, Any]:
    answer = page.post(API, json={"image": upload(page), "variants": 2, "between": 2, "settings": settings, **how})
    assert answer.status_code == 201, answer.text
    return answer.json()


def decide(page: TestClient, session: str, kind: str, **how: Any) -> dict[str, Any]:
    answer = page.post(f"{API}/{session}/decide", json={"kind": kind, **how})
    assert answer.status_code == 200, answer.text
    return answer.json()


def shown_landed(page: TestClient, session: str) -> dict[str, Any]:
    end = monotonic() + 60
    while monotonic() < end:
        state = page.get(f"{API}/{session}").json()
        if all(state["nodes"][node]["digest"] for node in state["shown"]):
            return state
        sleep(0.02)
    raise AssertionError("the images shown never came")


def test_images_are_chosen_and_their_clip_is_that_of_the_log(page: TestClient, home: Path, settings: dict[str, Any]) -> None:
    session = begin(page, settings)["id"]
    state = shown_landed(page, session)
    assert (state["current"], len(state["shown"]), state["path"]) == (0, 2, [0])
    assert sum(state["likelihood"]) == pytest.approx(1)
    assert page.get(f"/frames/{state['nodes'][1]['digest']}").status_code == 200
    state = decide(page, session, "take", node=2)
    assert (state["current"], state["path"], state["can_undo"]) == (2, [0, 2], True)
    shown_landed(page, session)
    state = decide(page, session, "take", node=3)
    answer = page.post(f"{API}/{session}/export", json={"format": "apng"})
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert (job["kind"], job["request"]["node"]) == ("choose", 3)
    data, database = DataFolder(home), Database(DataFolder(home).database)
    with database.read() as connection:
        task = make_task(ChooseJob.model_validate(job["request"]), "a" * 12, data, connection)
    made = task.made(task.work.result())
    log = page.get(f"{API}/{session}/log")
    (home / "mine.jsonl").write_bytes(log.content)
    replayed = studio.replay(home / "mine.jsonl", home / "again.apng", model=settings["model"], store=data.frames).result()
    assert made.clip
    assert made.clip.read_bytes() == replayed.path.read_bytes()


def test_undo_redo_jump_reroll_pin_and_discard(page: TestClient, settings: dict[str, Any]) -> None:
    session = begin(page, settings)["id"]
    decide(page, session, "take", node=1)
    assert decide(page, session, "undo")["current"] == 0
    assert decide(page, session, "redo")["current"] == 1
    state = decide(page, session, "reroll", move={"kind": "img2img", "strength": 0.5})
    assert (state["shown"], state["move"]["kind"]) == ([5, 6], "img2img")
    assert decide(page, session, "pin", node=2)["nodes"][2]["pinned"]
    assert decide(page, session, "discard", node=5)["shown"] == [6]
    assert decide(page, session, "jump", node=0)["shown"] == [1, 2]
    assert shown_landed(page, session)["error"] == ""


def test_a_session_is_there_after_a_restart(home: Path, settings: dict[str, Any]) -> None:
    with TestClient(create_app(home), base_url=ADDRESS) as page:
        session = begin(page, settings, title="hills")["id"]
        before = decide(page, session, "take", node=2)
    with TestClient(create_app(home), base_url=ADDRESS) as page:
        assert [one["title"] for one in page.get(API).json()] == ["hills"]
        after = shown_landed(page, session)
        assert {key: after[key] for key in ("current", "shown", "path")} == {key: before[key] for key in ("current", "shown", "path")}


def test_pages_hear_of_what_is_shown(page: TestClient, home: Path, settings: dict[str, Any]) -> None:
    session = begin(page, settings)["id"]
    shown_landed(page, session)
    decide(page, session, "take", node=1)
    shown_landed(page, session)
    sleep(0.2)
    with Database(DataFolder(home).database).read() as connection:
        rows = connection.execute("SELECT data FROM events WHERE kind = 'choose' AND subject = ?", (session,)).fetchall()
    assert '"ready":true' in rows[-1]["data"]
    assert 2 <= len(rows) <= 12


def test_a_deleted_session_is_gone_and_its_frames_stay(page: TestClient, home: Path, settings: dict[str, Any]) -> None:
    session = begin(page, settings)["id"]
    frame = shown_landed(page, session)["nodes"][1]["digest"]
    assert page.delete(f"{API}/{session}").status_code == 204
    assert page.get(f"{API}/{session}").status_code == 404
    assert not list((home / "sessions").glob("*"))
    assert page.get(f"/frames/{frame}").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("", {"image": "0" * 12}, 404, "no clip or upload"),
        ("", {"image": "../../etc/passwd"}, 422, "image"),
        ("", {"image": "0" * 12, "settings": {"model": "/etc"}}, 422, "there is no model"),
        ("", {"image": "0" * 12, "variants": 99}, 422, "variants"),
        ("/000000000000/decide", {"kind": "undo"}, 404, "no session"),
        ("/SESSION/decide", {"kind": "eat"}, 422, "eat"),
        ("/SESSION/decide", {"kind": "undo"}, 422, "nothing to undo"),
        ("/SESSION/decide", {"kind": "take", "node": 99}, 422, "not among the images shown"),
        ("/SESSION/export", {"format": "gif"}, 422, "nothing is chosen"),
        ("/SESSION/export", {"format": "exe"}, 422, "format"),
    ],
)
def test_bad_requests_are_refused(
    page: TestClient, settings: dict[str, Any], path: str, body: dict[str, Any], status: int, message: str
) -> None:
    session = begin(page, settings)["id"] if "SESSION" in path else ""
    answer = page.post(API + path.replace("SESSION", session), json=body)
    assert (answer.status_code, message in answer.json()["error"]["message"]) == (status, True), answer.text


def test_the_log_of_a_session_is_what_was_decided(page: TestClient, home: Path, settings: dict[str, Any]) -> None:
    session = begin(page, settings)["id"]
    decide(page, session, "take", node=1)
    kinds = [decision.kind for decision in read(home / "sessions" / f"{session}.jsonl")[1]]
    assert kinds == ["offer", "take", "offer"]


def test_a_session_of_another_engine_is_refused_without_its_path_and_keeps_its_image(home: Path, settings: dict[str, Any]) -> None:
    with TestClient(create_app(home), base_url=ADDRESS) as page:
        session = begin(page, settings)["id"]
        shown_landed(page, session)
    log = home / "sessions" / f"{session}.jsonl"
    log.write_text(log.read_text().replace(f'"engine":{ENGINE}', '"engine":1', 1))
    with TestClient(create_app(home), base_url=ADDRESS) as page:
        answer = page.get(f"{API}/{session}")
        assert answer.status_code == 409
        assert "begin a new session" in answer.json()["error"]["message"]
        assert str(home) not in answer.text
        (listed,) = page.get(API).json()
        assert page.get(f"/frames/{listed['cover']}").status_code == 200
