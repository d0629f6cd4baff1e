"""Progress in a terminal names the devices of a cluster."""

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from sakuga.cli import show
from sakuga.studio.core.progress import Step
from sakuga.studio.core.work import Work


def steps(*devices: str) -> Iterator[Step]:
    yield Step(stage="rendering", total=len(devices))
    for place, device in enumerate(devices, 1):
        yield Step(stage="rendering", done=place, total=len(devices), device=device)


@pytest.mark.parametrize(
    ("devices", "said"),
    [(["a cuda", "b cuda", "a cuda"], "rendering on 2 devices"), (["a cuda"], "rendering on 1 device "), (["", ""], "rendering ")],
)
def test_the_bar_counts_devices(devices: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(show, "console", Console(file=written, force_terminal=True, width=100))
    show.watch(Work(steps(*devices)), quiet=False)
    last = written.getvalue().rpartition("rendering")
    assert ("rendering" + last[2]).startswith(said)
