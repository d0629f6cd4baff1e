"""The command, run in this process."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sakuga.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run the command in this process: (exit code, stdout, stderr)."""
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sakuga", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        output = capsys.readouterr()
        return int(ended.value.code or 0), output.out, output.err

    return command
