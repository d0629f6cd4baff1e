"""What README, docs and examples say, runs. The Sketchbook draws, in few steps."""

import os
import re
import shlex
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from sakuga.cli import main
from sakuga.models.checkpoint_lookup import find_checkpoint

ROOT = Path(__file__).parent.parent
QUICK = ["--steps", "2", "--size", "128"]
LEARN = ["--steps", "2", "--batch", "2", "--sample-every", "0"]
SHORT = {
    "animate": [*QUICK, "--shots", "2", "--seconds", "1"],
    "render": QUICK,
    "draw": QUICK,
    "vary": [*QUICK, "-n", "2", "--between", "2"],
    "morph": [*QUICK, "--frames", "4"],
    "style check": ["--steps", "2"],
    "sketchbook dataset": ["-n", "20"],
    "train lora": LEARN,
    "train textual-inversion": LEARN,
    "train dreambooth": [*LEARN, "--class-pictures", "2"],
    "storyboard": ["--shots", "2", "--seconds", "1"],
    "data distill": QUICK,
    "study": ["--plan"],
    "evaluate brush-run": ["-n", "2", "--seeds", "1", "--steps", "2"],
}
"""What makes a command that draws quick; the last word on an option counts."""
NAMES = (
    "first-clip",
    "first-style",
    "film",
    "morph",
    "vary",
    "control",
    "styles",
    "pixelate",
    "export",
    "recipe",
    "evaluate",
    "data",
    "train",
    "set-from-nothing",
    "studies",
)
PAGES = ("README.md", *(f"docs/{name}.md" for name in NAMES))
"""Pages whose commands work in the order in which they stand."""


def commands() -> list[str]:
    return [command for page in PAGES for command in re.findall(r"^    (sakuga .+)$", (ROOT / page).read_text(), re.MULTILINE)]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "prompts.txt").write_text("a castle by the sea at sunset\na cabin in the snow at night\n")
    return folder


@pytest.mark.parametrize("command", commands())
def test_the_commands_of_the_pages_run_in_their_order(
    command: str, room: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = shlex.split(command)[1:]
    monkeypatch.chdir(room)
    monkeypatch.setenv("SAKUGA_HOME", str(room / "home"))
    monkeypatch.setattr(sys, "argv", ["sakuga", *words, *SHORT.get(words[0], SHORT.get(" ".join(words[:2]), []))])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    if missing := not_shipped(words):
        assert ended.value.code == 2
        assert missing in told.err
        return
    assert not ended.value.code, told.err
    if words[0] == "study" or (words[0] == "style" and "-o" not in words):
        return
    written = words[words.index("-o") + 1] if "-o" in words else words[min(2, len(words) - 1)]
    assert (room / written).exists()


def not_shipped(words: list[str]) -> str:
    """Say which part of the Sketchbook a command asks for that its weights do not hold yet."""
    source = find_checkpoint()
    if {"--control", "--control-weight"} & set(words) and "controlnet" not in source.parts():
        return "no depth ControlNet"
    worn = [words[place + 1] for place, word in enumerate(words) if word == "--style" and words[0] != "sketchbook"]
    worn += takewhile(lambda word: word[0] != "-", words[2:]) if words[0] == "style" else []
    names = [re.sub(r"^\d+=|:[\d.]+$", "", style) for style in worn]
    lacking = [name for name in names if not (source.folder / "styles" / name).is_dir() and not Path(name).exists()]
    return f"no style '{lacking[0]}'" if lacking else ""


def test_the_example_runs(room: Path) -> None:
    environment = {**os.environ, "SAKUGA_HOME": str(room / "home")}
    words = [sys.executable, str(ROOT / "examples" / "animate.py"), "a boat on the sea", "boat.gif"]
    told = subprocess.run(words, cwd=room, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert (room / "boat.gif").exists()
    assert told.stdout.count(" s  ") == 3
