"""Limits of requests: their size, and how long a client may take to send them."""

import asyncio
from time import monotonic

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sakuga.web.errors import answer

MOST_BODY = 16 << 20
"""Bytes of a request's body; uploads have a limit of their own."""
UPLOADS = "/api/v1/uploads"
HEAD_SECONDS = 10.0
"""Time in which the head of a request must be there; a client that sends a byte now and then keeps its connection no longer."""
PART_SECONDS = 30.0
"""Time in which the next part of a body must come."""
BODY_SECONDS = 120.0
"""Time in which a whole body must be there, but for that of an upload."""
TOO_LARGE = f"the request has more than {MOST_BODY >> 20} MB, the most that the studio takes: send less at once"


class ImpatientProtocol(H11Protocol):
    """HTTP that closes a connection whose request does not come."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a head, or no longer once it is there."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_watching()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_watching()
        elif self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_watching(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class BodyLimit:
    """Refuses bodies that are too large, and waits no longer for those that come too slowly."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_upload = scope["path"] == UPLOADS
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not is_upload and announced.isdigit() and int(announced) > MOST_BODY:
            await answer("too_large", TOO_LARGE)(scope, receive, send)
            return
        received, whole, end = 0, False, monotonic() + BODY_SECONDS

        async def receive_limited() -> Message:
            nonlocal received, whole
            if whole:  # what comes is the end of the connection
                return await receive()
            left = PART_SECONDS if is_upload else min(PART_SECONDS, end - monotonic())
            try:
                message = await asyncio.wait_for(receive(), max(0.0, left))
            except TimeoutError:
                return {"type": "http.disconnect"}
            received, whole = received + len(message.get("body", b"")), not message.get("more_body", False)
            if not is_upload and received > MOST_BODY:
                raise HTTPException(413, TOO_LARGE)
            return message

        await self._app(scope, receive_limited, send)
