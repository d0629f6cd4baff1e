"""Structured logs of the server and its workers: a line of JSON for each event, where they are wanted."""

import logging
import sys
import threading
import traceback
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sakuga.event_log import is_on, log_event


def begin_logging() -> None:
    """Write what libraries log to standard error: as events where the structured log is on, else as text."""
    if not is_on():
        logging.basicConfig(format="%(message)s", level=logging.INFO)
        return
    logging.basicConfig(handlers=[EventHandler()], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    sys.excepthook = lambda kind, error, trace: log_event("fault", trace=_trace(error))
    threading.excepthook = lambda given: log_event("fault", thread=given.thread and given.thread.name, trace=_trace(given.exc_value))


class EventHandler(logging.Handler):
    """Turns log records into events."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as one line."""
        error = record.exc_info[1] if record.exc_info else None
        level = record.levelname.lower()
        log_event("log", level=level, logger=record.name, message=record.getMessage(), trace=_trace(error))


def _trace(error: BaseException | None) -> str | None:
    return "".join(traceback.format_exception(error)) if error else None


class RequestLog:
    """Logs each request with its status and duration; queries are left out, as one may hold the token."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = monotonic(), 500

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        finally:
            client = scope["client"][0] if scope.get("client") else None
            seconds = round(monotonic() - began, 4)
            log_event("request", method=scope["method"], path=scope["path"], status=status, seconds=seconds, client=client)
