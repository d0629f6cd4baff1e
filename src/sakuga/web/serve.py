"""Running the studio: one server, its workers, and the address to open."""

import errno
import os
import secrets
import socket
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from types import FrameType

import uvicorn

from sakuga.event_log import is_on, log_event
from sakuga.web.app import QUOTA, create_app
from sakuga.web.data_folder import DataFolder, StudioError, server_lock
from sakuga.web.limits import ImpatientProtocol
from sakuga.web.logs import begin_logging
from sakuga.web.security import Access, is_loopback
from sakuga.web.supervisor import find_lanes, workers


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where a studio serves, and what it may use."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    """None makes one where the host is not this machine alone."""
    quota: int = QUOTA
    open_page: str | None = None
    """A path of the page to open in the browser."""


def serve(settings: ServerSettings, announce: Callable[[str], object]) -> None:
    """Serve the studio until Ctrl-C or SIGTERM.

    `announce` gets the address, with the token once. Raises StudioError where the port or the data folder is in use.
    """
    begin_logging()
    data = DataFolder(settings.home.absolute())
    data.create()
    token = settings.token or (None if is_loopback(settings.host) else secrets.token_urlsafe(24))
    listening = _listen(settings.host, settings.port)
    port = listening.getsockname()[1]
    address = f"http://{f'[{settings.host}]' if ':' in settings.host else settings.host}:{port}"
    try:
        with server_lock(data, address):
            os.chdir(data.home)
            _run(settings, data, listening, Access(settings.host, token), lambda: _announce(address, token, settings, announce))
    finally:
        listening.close()


def _announce(address: str, token: str | None, settings: ServerSettings, announce: Callable[[str], object]) -> None:
    announce(page_address(address, settings.open_page or "/", token))
    if settings.open_page:
        here = address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        Thread(target=webbrowser.open, args=(page_address(here, settings.open_page, token),), daemon=True).start()


def page_address(address: str, place: str, token: str | None) -> str:
    """Return the address of a page; what stands after `#` never reaches the server, so the token goes before it.

    >>> page_address("http://127.0.0.1:8765", "/#/choose/3f2a", "T")
    'http://127.0.0.1:8765/?token=T#/choose/3f2a'
    """
    path, mark, rest = place.partition("#")
    return f"{address}{path}?token={token}{mark}{rest}" if token else f"{address}{path}{mark}{rest}".rstrip("/")


def _run(settings: ServerSettings, data: DataFolder, listening: socket.socket, access: Access, ready: Callable[[], None]) -> None:
    lanes = find_lanes()
    app = create_app(data.home, access, quota=settings.quota, lanes=lanes)
    config = uvicorn.Config(
        app,
        http=ImpatientProtocol,
        log_level="warning",
        log_config=None if is_on() else uvicorn.config.LOGGING_CONFIG,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    with workers(data.home, lanes):
        log_event("server.started", address=listening.getsockname(), home=data.home, lanes=lanes)
        try:
            Server(config, ready, app.state.studio.stopping.set).run(sockets=[listening])
        finally:
            log_event("server.stopped")


class Server(uvicorn.Server):
    """Announces its address once it answers, and ends event streams when it stops."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready, self._stop = ready, stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then announce."""
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End the event streams too, which would stay open."""
        self._stop()
        super().handle_exit(sig, frame)


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises StudioError.

    It names its protocol: asyncio sends small answers without delay (TCP_NODELAY) only where the socket says that it is TCP.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise StudioError(f"port {port} is in use by another program: choose another with --port, or 0 for any free one") from None
        raise StudioError(f"{host}:{port} cannot be listened on ({error}): choose another --host or --port") from None
    return listening
