"""A slow S3 service on loopback, which counts what is written."""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from threading import Thread
from time import sleep
from typing import Any

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass
class SlowService:
    """A WSGI application that lets each request wait for up to `seconds`."""

    answer: Callable[[dict[str, Any], Any], Iterable[bytes]]
    seconds: float
    written: Counter[str] = field(default_factory=Counter)
    """How often an object was written, by the stem of its name."""

    def __call__(self, request: dict[str, Any], start: Any) -> Iterable[bytes]:
        sleep(random.uniform(0, self.seconds))
        answer = self.answer(request, start)
        if request["REQUEST_METHOD"] == "PUT":
            self.written[PurePosixPath(request["PATH_INFO"]).stem] += 1
        return answer


@contextmanager
def slow_s3(seconds: float) -> Iterator[SlowService]:
    """Serve a bucket `films` whose requests take up to `seconds`, to this process and those that it starts."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        def log(self, *_: Any) -> None:
            pass

    service = SlowService(DomainDispatcherApplication(create_backend_app), seconds)
    server = make_server("127.0.0.1", 0, service, threaded=True, request_handler=Silent)
    Thread(target=server.serve_forever, daemon=True).start()
    os.environ |= CREDENTIALS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}
    import s3fs

    s3fs.S3FileSystem().mkdir("films")
    try:
        yield service
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.shutdown()
