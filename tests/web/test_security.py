"""Who may ask, and what a request may name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sakuga.web.app import create_app
from sakuga.web.security import MAX_FAILURES, Access

TOKEN = "correct-horse"


@pytest.fixture
def local(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path), base_url="http://127.0.0.1:8765") as client:
        yield client


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(tmp_path, Access("0.0.0.0", TOKEN)), base_url="http://192.168.1.7:8765") as client:
        yield client


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "", "localhost@evil.example", "192.168.1.7", "[[", "[::1", "[x]:1"],
)
def test_another_host_name_is_refused_so_that_no_site_can_rebind_its_own(local: TestClient, host: str) -> None:
    answer = local.get("/api/v1/status", headers={"host": host})
    assert answer.status_code == 403
    assert "sakuga studio" in answer.json()["error"]["message"]


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "[::1]:8765", "localhost"])
def test_this_machine_may_ask_under_each_of_its_names(local: TestClient, host: str) -> None:
    assert local.get("/api/v1/status", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1234", "http://localhost:8765", "https://127.0.0.1:8765"]
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/projects"), ("GET", "/api/v1/events"), ("GET", "/api/v1/status")])
def test_pages_of_other_origins_are_refused_event_streams_too(local: TestClient, origin: str, method: str, path: str) -> None:
    assert local.request(method, path, headers={"origin": origin}).status_code == 403


def test_cross_site_requests_without_an_origin_are_refused(local: TestClient) -> None:
    for site in ("cross-site", "same-site"):
        assert local.get(f"/frames/{'0' * 64}", headers={"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}).status_code == 403
        assert local.post("/api/v1/projects", headers={"sec-fetch-site": site, "sec-fetch-mode": "navigate"}).status_code == 403
    assert local.get("/", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}).status_code == 200
    assert local.get("/api/v1/status", headers={"origin": "http://127.0.0.1:8765", "sec-fetch-site": "same-origin"}).status_code == 200


def test_every_answer_forbids_inline_scripts_frames_and_guesses_of_types(local: TestClient) -> None:
    for path in ("/", "/api/v1/status", f"/frames/{'0' * 64}", "/api/v1/nothing"):
        headers = local.get(path).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_another_host_needs_the_token(guarded: TestClient) -> None:
    for path in ("/api/v1/status", "/api/v1/events", f"/frames/{'0' * 64}", "/api/v1/openapi.json"):
        assert guarded.get(path).status_code == 401
    assert guarded.get("/api/v1/status", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert guarded.get("/").status_code == 200


def test_the_printed_address_gives_the_cookie_and_leaves_the_token_out(guarded: TestClient) -> None:
    answer = guarded.get(f"/?token={TOKEN}", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert guarded.get("/api/v1/status").status_code == 200


def test_a_page_can_bring_the_token(guarded: TestClient) -> None:
    assert guarded.post("/api/v1/session", json={"token": "wrong"}).status_code == 401
    assert guarded.post("/api/v1/session", json={"token": TOKEN}).status_code == 204
    assert guarded.get("/api/v1/status").status_code == 200


@pytest.mark.parametrize("by", ["header", "session", "address"])
def test_wrong_tokens_are_counted_and_then_even_the_right_one_waits(guarded: TestClient, by: str) -> None:
    def attempt(token: str) -> int:
        match by:
            case "header":
                return guarded.get("/api/v1/status", headers={"authorization": f"Bearer {token}"}).status_code
            case "session":
                return guarded.post("/api/v1/session", json={"token": token}).status_code
            case _:
                return guarded.get(f"/?token={token}", follow_redirects=False).status_code

    assert [attempt(f"wrong{number}") for number in range(MAX_FAILURES)] == [401] * MAX_FAILURES
    assert attempt(TOKEN) == 429


def test_a_token_that_is_no_ascii_is_wrong_and_no_fault(guarded: TestClient) -> None:
    assert guarded.get("/api/v1/status", headers={"cookie": "sakuga_token=\u00e9\u00e8".encode("latin-1")}).status_code == 401
    assert guarded.get("/?token=%C3%A9", follow_redirects=False).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/frames/../studio/studio.sqlite3",
        "/frames/%2e%2e%2fstudio%2fstudio.sqlite3",
        "/assets/../../app.py",
        "/assets/%2e%2e/%2e%2e/app.py",
        "/..%2f..%2fapp.py",
        "/api/v1/styles/..%2f..%2fx",
        "/api/v1/styles/%2e%2e/strip",
        "/api/v1/sets/..%2fclips",
        "/api/v1/runs/..%2f..%2f..%2fetc",
        "/api/v1/sets/%2e%2e/images/0",
        "/api/v1/runs/%2e%2e/samples/0",
        "/api/v1/reports/../page",
        "/api/v1/clips/..%2f..%2fx/file",
        "/api/v1/jobs/..%2f..%2fx/preview",
    ],
)
def test_no_address_leads_out_of_the_data_folder(local: TestClient, path: str) -> None:
    answer = local.get(path)
    assert answer.status_code in (200, 404, 422)
    assert answer.status_code != 200 or "text/html" in answer.headers["content-type"]
    assert b"create_app" not in answer.content
    assert b"SQLite" not in answer.content


@pytest.mark.parametrize("model", ["/etc", "../models", "~/model", "owner/name", "models/other"])
def test_no_request_names_a_model_outside(local: TestClient, model: str) -> None:
    for body in (
        {"idea": "a castle", "settings": {"model": model}},
        {"film": f"[film]\nmodel = '{model}'\n[[shots]]\nprompt='a'\nseconds=1.0\nseed=1\n"},
    ):
        answer = local.post("/api/v1/projects", json=body)
        assert answer.status_code == 422
        assert "no model" in answer.json()["error"]["message"]


@pytest.mark.parametrize("style", ["/etc/passwd", "../x", "~/x", "hub:owner/name", "a\\b", "0: comic, 4: ../x"])
def test_no_request_names_a_style_outside(local: TestClient, style: str) -> None:
    film = {"film": {}, "shots": [{"prompt": "a", "seconds": 1.0, "seed": 1, "style": style}]}
    assert local.post("/api/v1/lint", json={"film": film}).status_code == 422
    job = {"request": {"kind": "render", "film": film}}
    assert local.post("/api/v1/jobs", json=job).status_code == 422
    job = {"request": {"kind": "draw", "prompts": ["a"], "settings": {"style": style}}}
    assert local.post("/api/v1/jobs", json=job).status_code == 422


@pytest.mark.parametrize("name", ["controlnet", "vae", "upscaler"])
def test_no_request_names_a_file_outside(local: TestClient, name: str) -> None:
    job = {"request": {"kind": "draw", "prompts": ["a"], "settings": {name: "/etc/passwd"}}}
    answer = local.post("/api/v1/jobs", json=job)
    assert answer.status_code == 422
    assert "names files, which the studio does not take" in answer.json()["error"]["message"]
    film = {"film": {}, "shots": [{"prompt": "a", "seconds": 1.0, "seed": 1, "controlnet": [{"network": "a", "image": "/etc/passwd"}]}]}
    for path, body in (("/api/v1/lint", {"film": film}), ("/api/v1/jobs", {"request": {"kind": "render", "film": film}})):
        answer = local.post(path, json=body)
        assert answer.status_code == 422
        assert "controlnet names files" in answer.json()["error"]["message"]


@pytest.mark.parametrize("planner", ["hf:../x", "hf:/etc", "file:///etc", "mistral:../x", "hf:a/b/c", "/etc/passwd"])
def test_no_planner_is_a_path(local: TestClient, planner: str) -> None:
    assert local.post("/api/v1/projects", json={"idea": "a castle", "planner": planner}).status_code == 422


@pytest.mark.parametrize("subject", ["/etc", "..", "nothing", "../clips", ""])
def test_an_evaluation_names_a_clip_a_run_or_a_style(local: TestClient, subject: str) -> None:
    assert local.post("/api/v1/jobs", json={"request": {"kind": "evaluate", "subject": subject}}).status_code in (404, 422)


def test_a_page_cannot_have_a_clip_written_elsewhere(local: TestClient, tmp_path: Path) -> None:
    film = {"shots": [{"prompt": "a", "seconds": 1.0, "seed": 1}]}
    answer = local.post("/api/v1/jobs", json={"request": {"kind": "render", "film": film, "out": str(tmp_path / "x.gif")}})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "request.out"


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "x\n", "", "a\x00b", "a" * 65])
def test_no_name_of_a_new_set_style_or_run_is_a_path(local: TestClient, name: str) -> None:
    assert local.post("/api/v1/sets", json={"name": name, "uploads": ["0" * 12]}).json()["error"]["field"] == "name"
    assert local.post("/api/v1/styles/blend", json={"first": "comic", "second": "cel", "at": 0.5, "name": name}).status_code == 422
    job = {"request": {"kind": "train", "set": "x", "name": name}}
    assert local.post("/api/v1/jobs", json=job).json()["error"]["field"] == "request.train.name"


def test_a_report_is_shown_in_a_sandbox_that_runs_nothing(local: TestClient, tmp_path: Path) -> None:
    report = tmp_path / "studio" / "reports" / ("a" * 12)
    report.mkdir(parents=True)
    (report / "report.html").write_text("<svg onload='alert(1)'></svg><script>alert(2)</script>")
    policy = local.get(f"/api/v1/reports/{report.name}/page").headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'; ")
    assert "script" not in policy
