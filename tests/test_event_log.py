"""Events are lines of JSON, and nothing is written unless they are wanted."""

import json
import os
from pathlib import Path

import pytest

from sakuga import InputError
from sakuga.event_log import check_log, log_event


def test_an_event_is_one_line_of_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SAKUGA_LOG", "json")
    log_event("job.failed", reason='two\nlines, "quoted"', file=Path("a"), job=None)
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert list(event) == ["time", "event", "host", "process", "reason", "file"]
    assert (event["event"], event["process"], event["file"]) == ("job.failed", os.getpid(), "a")
    assert event["time"].endswith("+00:00")


def test_nothing_is_logged_by_default(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("SAKUGA_LOG", raising=False)
    log_event("job.failed")
    assert capsys.readouterr().err == ""


def test_an_unknown_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAKUGA_LOG", "xml")
    with pytest.raises(InputError, match="set it to json, or leave it out"):
        check_log()
