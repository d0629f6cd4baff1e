"""Commands end whole, with one sentence and the right exit code, whatever stops them."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFile

from sakuga.cli.show import report
from tests.cli.conftest import Run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_an_image_is_decoded_ends_the_command(
    number: signal.Signals, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").mkdir()
    for place in range(4):
        Image.new("RGB", (64, 64), (place, 0, 0)).save(tmp_path / "images" / f"{place}.png")
    load, calls = ImageFile.ImageFile.load, list[int]()

    def stopped(self: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(number)
        return load(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", stopped)
    code, out, err = run("data", "build", tmp_path / "images", "-o", tmp_path / "set")
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "sakuga: stopped; finished frames are kept, and the same command continues from there"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images"], "nothing half-written is left"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), "/data/x: the disk is full: make room"),
        (OSError(errno.EROFS, "Read-only file system"), "the disk is read only"),
        (PermissionError(errno.EACCES, "Permission denied", "home"), "home: its permissions do not allow it"),
        (OSError(errno.EMFILE, "Too many open files"), "too many files are open"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/data/x"), "/data/x: a part of this path is a file"),
        (MemoryError(), "memory ran out"),
        (ImportError("libx.so: failed to map segment from shared object"), "memory ran out"),
    ],
)
def test_what_the_system_refuses_is_told_in_one_sentence(
    error: Exception, sentence: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("sakuga.cli.app.app", fail)
    code, _, err = run("store", "show")
    assert code == 1
    assert err.startswith(f"sakuga: {sentence}")
    assert err.count("\n") == 1


def test_letters_that_a_terminal_cannot_say_are_escaped(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "SAKUGA_HOME": str(tmp_path), "COLUMNS": "20"}
    plan = [sys.executable, "-m", "sakuga", "storyboard", "ein Schlo\xdf am See", "--shots", "2", "-o", "film.toml"]
    done = subprocess.run([*plan, "--json"], capture_output=True, env=environment, cwd=tmp_path, check=True)
    assert "Schlo\xdf" in json.dumps(json.loads(done.stdout), ensure_ascii=False)
    done = subprocess.run([*plan, "--overwrite"], capture_output=True, env=environment, cwd=tmp_path, check=True)
    assert b"Schlo\\xdf" in done.stdout


def test_a_folder_that_was_deleted_under_a_command_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run("store", "show") == (1, "", "sakuga: the folder in which you are was deleted: change to another\n")


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    report({"kid": float("nan"), "parts": [{"low": float("-inf")}], "n": 3}, as_json=True, words="")
    printed = capsys.readouterr().out
    assert "NaN" not in printed
    assert json.loads(printed, parse_constant=pytest.fail) == {"kid": None, "parts": [{"low": None}], "n": 3}
