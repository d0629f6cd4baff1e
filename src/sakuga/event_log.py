"""Structured logs: a line of JSON for each event, where `$SAKUGA_LOG` is `json`."""

import json
import os
import sys
from datetime import UTC, datetime

from sakuga import InputError

VARIABLE = "SAKUGA_LOG"
"""The environment variable that turns the log on: `json`, or nothing."""


def check_log() -> None:
    """Refuse an unknown `$SAKUGA_LOG`; raises InputError."""
    if (wanted := os.environ.get(VARIABLE, "")) not in ("", "json"):
        raise InputError(f"${VARIABLE} is {wanted!r}: set it to json, or leave it out")


def is_on() -> bool:
    """Return whether events are logged."""
    return os.environ.get(VARIABLE, "") == "json"


def log_event(event: str, **fields: object) -> None:
    """Write an event to standard error as one line of JSON, where events are logged.

    Each line has `time` (UTC, ISO 8601), `event`, `host` and `process`, then the fields that are not None; what JSON does not know is
    written as text. Names of events are words joined by dots, such as `job.failed`.
    """
    if not is_on():
        return
    import socket

    head = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "event": event,
        "host": socket.gethostname(),
        "process": os.getpid(),
    }
    line = json.dumps(head | {name: value for name, value in fields.items() if value is not None}, default=str)
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
