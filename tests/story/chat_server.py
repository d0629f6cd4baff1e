"""A small OpenAI-compatible chat server that fails as real ones do."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

QUICK = {"retry-after-ms": "1"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The response to one request: a chat answer of `text`, a status, a stall, a truncated body, or any body."""

    text: str = ""
    status: int = 200
    stalls: bool = False
    cut_off: bool = False
    body: bytes | None = None
    """The whole body, in place of a chat answer."""
    kind: str = "application/json"


Respond = Callable[[int, dict[str, Any]], Answer]


@dataclass
class ChatServer:
    """The address of the server and the requests it received."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@contextmanager
def chat_server(respond: Respond) -> Iterator[ChatServer]:
    """Serve on a free port; `respond` gets the request's number and body."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            server.requests.append(body)
            server.keys.append(self.headers["authorization"])
            answer = respond(len(server.requests) - 1, body)
            if answer.stalls:
                over.wait(20)
                return
            message = {"role": "assistant", "content": answer.text}
            content: dict[str, Any] = {"id": "1", "object": "chat.completion", "created": 0, "model": body["model"]}
            content |= {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
            if answer.status != 200:
                content = {"error": {"message": answer.text or "no", "type": "error"}}
            data = json.dumps(content).encode() if answer.body is None else answer.body
            self.send_response(answer.status)
            for name, value in {"content-type": answer.kind, "content-length": str(len(data)), **QUICK}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if answer.cut_off else data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = ChatServer(url=f"http://127.0.0.1:{httpd.server_port}/v1")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        over.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()
