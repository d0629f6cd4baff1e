"""A slow server with one model, as the Hugging Face hub serves it."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

COMMIT = "a" * 40
CHUNK, PAUSE = 1 << 15, 0.01
"""Bytes at a time, and seconds between two of them."""


@contextmanager
def slow_hub(files: dict[str, bytes]) -> Iterator[str]:
    """Serve files for whichever model is asked for, from any byte on; yields the address."""

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(whole=True)

        def do_HEAD(self) -> None:
            self._answer(whole=False)

        def _answer(self, *, whole: bool) -> None:
            name = self.path.split("?")[0].partition(f"/resolve/{self.path.split('/resolve/')[-1].split('/')[0]}/")[2]
            body = files[name] if name else _listing(files)
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0]) if whole else 0
            self.send_response(206 if start else 200)
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(body) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.end_headers()
            try:
                for place in range(start, len(body) if whole else 0, CHUNK):
                    self.wfile.write(body[place : place + CHUNK])
                    time.sleep(PAUSE)
            except OSError:  # the client was killed
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _listing(files: dict[str, bytes]) -> bytes:
    siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
    return json.dumps({"id": "owner/name", "sha": COMMIT, "siblings": siblings}).encode()
