"""Uploading a set: without a token, permission or valid name nothing is sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sakuga.datasets.training_set import Example, SetError, TrainingSet
from sakuga.datasets.writing import write_set
from sakuga.studio import plan_push, push_set

METADATA = {"metadata.jsonl", "set.toml", "README.md", "strip.webp"}


@pytest.fixture
def training_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingSet:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    images = [
        (Example(file=f"{index}[1].png", text="x", licence="MIT" if index else "unknown"), np.zeros((8, 8, 3), np.uint8))
        for index in (0, 1)
    ]
    written = write_set(tmp_path / "set", images, trigger="ink")
    (tmp_path / "set" / "diary.txt").write_text("private")
    return written


@contextmanager
def hub(status: int = 200) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A hub that accepts everything, or answers every request with a status: its address, and the requests."""
    sent: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            sent.append((self.path, body))
            answer: dict[str, Any] = {
                "url": f"{address}/datasets/me/ink",
                "commitUrl": f"{address}/datasets/me/ink/commit/0",
                "commitOid": "0" * 40,
            }
            if self.path.endswith("/preupload/main"):
                named = json.loads(body)["files"]
                answer = {"files": [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in named]}
            data = json.dumps(answer if status == 200 else {"error": "no"}).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    address = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield address, sent
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def test_only_files_of_the_set_would_be_uploaded(training_set: TrainingSet) -> None:
    plan = plan_push(training_set.folder, "me/ink")
    assert set(plan.files) == METADATA | {"images/0[1].png", "images/1[1].png"}
    assert all(size == (training_set.folder / name).stat().st_size for name, size in plan.files.items())
    assert plan.size == sum(plan.files.values())
    assert plan.notes == ("1 image has no known licence: publish only what you are allowed to",)


def test_a_set_arrives_in_one_commit_without_other_files(training_set: TrainingSet) -> None:
    with hub() as (address, sent):
        pushed = push_set(training_set.folder, "me/ink", private=True, endpoint=address).result()
    assert pushed.address == f"{address}/datasets/me/ink"
    created = next(body for path, body in sent if path == "/api/repos/create")
    assert json.loads(created)["type"] == "dataset"
    assert b'"private"' in created
    (commit,) = [body for path, body in sent if "/commit/" in path]
    lines = [json.loads(line) for line in commit.decode().splitlines()]
    assert {line["value"]["path"] for line in lines if line["key"] == "file"} == set(plan_push(training_set.folder, "me/ink").files)


def test_without_a_token_nothing_is_uploaded(training_set: TrainingSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(training_set.folder / "no-token"))
    with hub() as (address, sent), pytest.raises(SetError, match="there is no token for the hub: run `hf auth login`, or set HF_TOKEN"):
        push_set(training_set.folder, "me/ink", endpoint=address).result()
    assert sent == []


def test_a_refusing_hub_is_an_error(training_set: TrainingSet) -> None:
    with hub(403) as (address, _), pytest.raises(SetError, match=r"did not accept me/ink .*403.*check the name"):
        push_set(training_set.folder, "me/ink", endpoint=address).result()


def test_an_invalid_hub_name_is_refused(training_set: TrainingSet) -> None:
    with pytest.raises(SetError, match="write owner/name"):
        plan_push(training_set.folder, "ink")
    with pytest.raises(SetError, match="write owner/name"):
        push_set(training_set.folder, "ink")
