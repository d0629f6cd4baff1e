"""Requests that are too large, or come too slowly."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient

from sakuga.web import limits
from sakuga.web.app import create_app

LINE = b"GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server that waits half a second for the head and for each part of a request."""
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(limits, "PART_SECONDS", 0.5)
    server = uvicorn.Server(uvicorn.Config(create_app(tmp_path), http=limits.ImpatientProtocol, port=0, log_level="error"))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()
    server.should_exit = True
    thread.join()


def test_a_head_that_comes_a_line_at_a_time_ends_its_connection(address: tuple[str, int]) -> None:
    def drip() -> None:
        for _ in range(200):
            slow.sendall(b"X-Slow: 1\r\n")
            time.sleep(0.1)

    with socket.create_connection(address, timeout=20) as slow:
        slow.sendall(LINE)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            drip()


def test_slow_clients_hold_nobody_up(address: tuple[str, int]) -> None:
    slow = [socket.create_connection(address, timeout=20) for _ in range(50)]
    for one in slow:
        one.sendall(LINE)
    with socket.create_connection(address, timeout=20) as quick:
        quick.sendall(LINE + b"\r\n")
        assert quick.recv(100).startswith(b"HTTP/1.1 200")
    for one in slow:
        assert one.recv(100) == b"", "the server has closed it"
        one.close()


def test_a_body_that_stops_half_way_is_given_up(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as slow:
        slow.sendall(b"POST /api/v1/projects HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 100\r\n" % address[1])
        slow.sendall(b"Content-Type: application/json\r\n\r\n{")
        assert slow.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_of_too_many_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, announced: bool) -> None:
    monkeypatch.setattr(limits, "MOST_BODY", 1000)
    body = b'{"idea": "' + b"a" * 2000 + b'"}'
    with TestClient(create_app(tmp_path), base_url="http://127.0.0.1") as client:
        content = body if announced else iter([body[:900], body[900:]])
        answer = client.post("/api/v1/projects", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
