"""What README, docs and examples say, runs. The Sketchbook draws, in few steps."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DRAWING = ("animate", "render", "draw", "vary", "morph")
PAGES = ("README.md", "docs/pixelate.md", "docs/vary.md")


def commands() -> list[str]:
    return [command for page in PAGES for command in re.findall(r"^    (sakuga .+)$", (ROOT / page).read_text(), re.MULTILINE)]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.mark.parametrize("command", commands())
def test_the_commands_of_the_pages_run_in_their_order(command: str, room: Path) -> None:
    words = shlex.split(command)[1:]
    quick = ["--steps", "2", "--size", "128"] if words[0] in DRAWING else []
    if words[0] == "animate":
        quick += ["--seconds", "1"]
    if words[0] == "vary":
        quick += ["-n", "2", "--between", "2"]
    run([sys.executable, "-m", "sakuga", *words, *quick], room)
    written = words[words.index("-o") + 1] if "-o" in words else words[2]
    assert (room / written).exists()


def test_the_example_runs(room: Path) -> None:
    told = run([sys.executable, str(ROOT / "examples" / "animate.py"), "a boat on the sea", "boat.gif"], room)
    assert (room / "boat.gif").exists()
    assert told.count(" s  ") == 3


def run(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "SAKUGA_HOME": str(folder / "home")}
    told = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    return told.stdout
