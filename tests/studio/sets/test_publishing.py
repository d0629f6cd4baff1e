"""Pushing a set: what would go is listed first; without a token, a right or a proper name nothing goes, and that is said."""

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
from sakuga.studio import pack_set, push_set

WORDS = {"metadata.jsonl", "set.toml", "README.md", "strip.webp"}


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingSet:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    pictures = [
        (Example(file=f"{place}[1].png", text="x", licence="MIT" if place else "unknown"), np.zeros((8, 8, 3), np.uint8))
        for place in (0, 1)
    ]
    made = write_set(tmp_path / "set", pictures, trigger="ink")
    (tmp_path / "set" / "diary.txt").write_text("private")
    return made


@contextmanager
def hub(status: int = 200) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A hub that takes everything, or answers every request with a status: its address, and what it was sent."""
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


def test_what_would_be_sent_is_the_set_and_nothing_else(told: TrainingSet) -> None:
    parcel = pack_set(told.folder, "me/ink")
    assert set(parcel.files) == WORDS | {"images/0[1].png", "images/1[1].png"}
    assert all(size == (told.folder / name).stat().st_size for name, size in parcel.files.items())
    assert parcel.size == sum(parcel.files.values())
    assert parcel.notes == ("of 1 picture nobody said the licence: give away only what you may",)


def test_a_set_arrives_in_one_commit_without_what_else_lies_there(told: TrainingSet) -> None:
    with hub() as (address, sent):
        made = push_set(told.folder, "me/ink", private=True, endpoint=address).result()
    assert made.address == f"{address}/datasets/me/ink"
    created = next(body for path, body in sent if path == "/api/repos/create")
    assert json.loads(created)["type"] == "dataset"
    assert b'"private"' in created
    (commit,) = [body for path, body in sent if "/commit/" in path]
    lines = [json.loads(line) for line in commit.decode().splitlines()]
    assert {line["value"]["path"] for line in lines if line["key"] == "file"} == set(pack_set(told.folder, "me/ink").files)


def test_without_a_token_nothing_is_sent(told: TrainingSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(told.folder / "no-token"))
    with hub() as (address, sent), pytest.raises(SetError, match="there is no token: `hf auth login`, or set HF_TOKEN"):
        push_set(told.folder, "me/ink", endpoint=address).result()
    assert sent == []


def test_a_hub_that_refuses_is_told_of(told: TrainingSet) -> None:
    with hub(403) as (address, _), pytest.raises(SetError, match=r"did not take me/ink .*403.*check the name"):
        push_set(told.folder, "me/ink", endpoint=address).result()


def test_a_name_that_the_hub_does_not_take_is_refused(told: TrainingSet) -> None:
    with pytest.raises(SetError, match="write owner/name"):
        pack_set(told.folder, "ink")
