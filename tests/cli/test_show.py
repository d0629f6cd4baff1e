"""Progress in a terminal shows a line for each device of a cluster, or events where these are wanted."""

import io
import json
import re
from collections.abc import Iterator

import pytest
from rich.console import Console

from sakuga.cli import show
from sakuga.cli.lanes import MOST
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work


def steps(*devices: str) -> Iterator[Step]:
    yield Step(stage="rendering", total=len(devices))
    for place, device in enumerate(devices, 1):
        yield Step(stage="rendering", done=place, total=len(devices), device=device)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal of 100 columns is sent."""
    written = io.StringIO()
    monkeypatch.setattr(show, "console", Console(file=written, force_terminal=True, color_system=None, width=100, height=40))
    return written


def last_screen(terminal: io.StringIO) -> list[str]:
    """Return the lines of the last picture of the bars, without the bars themselves."""
    last = terminal.getvalue().rpartition("rendering")[2]
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[━╸╺]", "", "rendering" + last).splitlines()
    return [" ".join(line.split()) for line in lines if line.strip()]


@pytest.mark.parametrize(
    ("devices", "said"),
    [(["a cuda", "b cuda", "a cuda"], "rendering on 2 devices"), (["a cuda"], "rendering on 1 device "), (["", ""], "rendering ")],
)
def test_the_bar_counts_devices(devices: list[str], said: str, terminal: io.StringIO) -> None:
    show.watch(Work(steps(*devices)), quiet=False)
    assert last_screen(terminal)[0].startswith(said)


def test_each_device_has_a_line_with_its_frames(terminal: io.StringIO) -> None:
    show.watch(Work(steps("a cuda:0", "b cuda:0", "a cuda:0")), quiet=False)
    first, *lanes = last_screen(terminal)
    assert first.startswith("rendering on 2 devices 3/3")
    assert lanes == ["a cuda:0 2/3 last 0 s ago", "b cuda:0 1/3 last 0 s ago"]


def test_many_devices_share_the_last_line(terminal: io.StringIO) -> None:
    show.watch(Work(steps(*(f"node{place} cuda" for place in range(200)))), quiet=False)
    _, *lanes = last_screen(terminal)
    assert len(lanes) == MOST + 1
    assert lanes[-1].startswith(f"{200 - MOST} more {200 - MOST}/200")


def test_units_and_notes_are_events_where_these_are_wanted(
    terminal: io.StringIO, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAKUGA_LOG", "json")
    show.watch(Work(steps("a cuda")), quiet=False)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(one["event"], one["stage"], one["done"], one.get("device")) for one in events] == [
        ("stage.progress", "rendering", 0, None),
        ("stage.progress", "rendering", 1, "a cuda"),
    ]
    assert terminal.getvalue() == ""
