"""Commands, snippets, options and links of the docs are valid and run."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sakuga.cli import main
from sakuga.cli.app import app
from sakuga.story.film import ShotTable, from_toml
from sakuga.story.settings import OPTIONS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))
}
HISTORY = ("docs/log.md",)
"""Pages whose older entries name commands and files of their time."""

QUICK = ["--steps", "2", "--size", "128"]
TRAINING = ["--steps", "2", "--batch", "2", "--sample-every", "0", "--validate-every", "0"]
SHORT = {
    "animate": [*QUICK, "--shots", "1", "--seconds", "1"],
    "render": QUICK,
    "draw": QUICK,
    "grid": QUICK,
    "move": QUICK,
    "vary": [*QUICK, "-n", "2", "--between", "2"],
    "choose": [*QUICK, "-n", "2", "--between", "2"],
    "morph": [*QUICK, "--frames", "4"],
    "style check": ["--steps", "2"],
    "sketchbook dataset": ["-n", "20"],
    "train lora": [*TRAINING, "--weight-prompts", "0"],
    "train textual-inversion": TRAINING,
    "train slider": TRAINING,
    "train motion-lora": ["--steps", "1", "--sample-every", "0", "--frames", "4"],
    "train dreambooth": [*TRAINING, "--class-images", "2"],
    "storyboard": ["--shots", "2", "--seconds", "1"],
    "data distill": QUICK,
    "study": ["--plan"],
    "evaluate": ["-n", "2", "--seeds", "1", "--steps", "2"],
}
"""Options that make a command quick; the last value of an option wins."""
FEW_STEPS = "settings=studio.FilmSettings(steps=2)"
SMALL = (
    ("shots=3,", "shots=1,"),
    ("seconds=3.0", f"seconds=0.5, {FEW_STEPS}"),
    ("images_per_prompt=2", f"images_per_prompt=2, {FEW_STEPS}"),
    ("seed=3", f"seed=3, {FEW_STEPS}"),
    ("steps=500", "steps=2, batch=2, sample_every=0, validate_every=0, weight_prompts=0"),
)
"""Replacements that make a snippet quick."""
PREPARED = {
    "docs/train.md": ['sakuga draw "a castle" -n 4 -o photos'],
    "docs/data.md": ['sakuga draw "a castle" -n 4 -o photos'],
    "docs/pixelate.md": ['sakuga morph "a castle" "a castle at night" -o castle.mp4'],
}
"""Files and names that a page assumes."""

BLOCK = re.compile(r"^    (sakuga [^\n]+)$|^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(sakuga [a-z][^`]*)`")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z_-]+")
OTHER_TOOLS = {"--kills", "--only", "--first", "--tries", "--num_processes", "--nproc-per-node", "--strict", "--force-reinstall"}


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the commands and Python snippets of a page, in order; one of each pair is empty."""
    return [] if page in HISTORY else [(found[1] or "", found[2] or "") for found in BLOCK.finditer(PAGES[page])]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_the_commands_and_snippets_of_a_page_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))
    for film in DOCS.glob("clips/*.toml"):
        shutil.copy(film, tmp_path)
    (tmp_path / "prompts.txt").write_text("a castle by the sea at sunset\na cabin in the snow at night\n")
    names: dict[str, object] = {}
    for command, snippet in [*((command, "") for command in PREPARED.get(page, ())), *blocks(page)]:
        if command:
            run_command(shlex.split(command)[1:], tmp_path, monkeypatch, capsys)
        else:
            for value, small in SMALL:
                snippet = snippet.replace(value, small)
            exec(compile(snippet, page, "exec"), names)


def run_command(words: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a command at small size; it succeeds, and writes the file or folder that it names."""
    small = SHORT.get(words[0], SHORT.get(" ".join(words[:2]), []))
    monkeypatch.setattr(sys, "argv", ["sakuga", *words, *small])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, f"{shlex.join(words)}: {capsys.readouterr().err}"
    if "-o" in words and "--plan" not in small:
        assert (folder / words[words.index("-o") + 1]).exists(), shlex.join(words)


EXAMPLES = [path for path in sorted((ROOT / "examples").glob("*.py")) if path.stem != "studio_client"]
"""That of the studio runs in tests/web, beside a server."""


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(script: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "SAKUGA_HOME": str(tmp_path / "home")}
    words = [sys.executable, str(script), "a boat on the sea", "boat.gif", "--steps", "2", "--size", "128"]
    ended = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "boat.gif").exists()
    assert ended.stdout.count(" s  ") == 3


def options_of(words: list[str]) -> set[str] | None:
    """Return the options of the command that a text begins with, or None for a group of commands or no command."""
    command = typer.main.get_command(app)
    for word in words[1:]:
        below = getattr(command, "commands", {})
        if word not in below:
            break
        command = below[word]
    return (
        None
        if hasattr(command, "commands")
        else {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    )


def all_options() -> set[str]:
    """Return the options of every command."""
    found, left = {"--help", "--version"}, [typer.main.get_command(app)]
    while left:
        command = left.pop()
        left += getattr(command, "commands", {}).values()
        found |= {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if page not in HISTORY])
def test_every_option_on_a_page_exists(page: str) -> None:
    for text in INLINE.findall(PAGES[page]):
        options = options_of(text.split())
        unknown = set(FLAG.findall(text)) - (options or all_options()) - {"--help"}
        assert not unknown, f"{page}: `{text}` has no {unknown}"
    code = re.findall(r"`[^`\n]+`", PAGES[page])
    unknown = {flag for text in code for flag in FLAG.findall(text)} - all_options() - OTHER_TOOLS
    assert not unknown, f"{page}: no command has {unknown}"


def test_the_gallery_of_the_readme_is_that_of_the_clips_page() -> None:
    gallery = [command for line in PAGES["README.md"].splitlines() if line.startswith("| ![") for command in INLINE.findall(line)]
    assert len(gallery) == 14
    assert set(gallery) == {command for command, _ in blocks("docs/clips/README.md")}


def test_film_toml_has_a_row_for_each_key() -> None:
    rows = re.findall(r"^\| (`.+?) \|", PAGES["docs/film.md"], re.MULTILINE)
    keys = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert {"idea", *OPTIONS, *ShotTable.model_fields} <= keys


TOML = re.compile(r"^((?:    (?:\[\[?\w+\]?\]|[a-z_]+ = .+)\n)+)", re.MULTILINE)


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if page not in HISTORY and TOML.search(text)])
def test_film_snippets_can_be_read(page: str) -> None:
    for found in TOML.findall(PAGES[page]):
        text = re.sub(r"^    ", "", found, flags=re.MULTILINE)
        required = {"prompt": '"a castle"', "seconds": "4.0", "seed": "0"}
        if "[film]" in text:
            text += "\n[[shots]]\n"
        elif "[[shots]]" not in text:
            text = f"[[shots]]\n{text}"
        shots = text.split("[[shots]]")[1]
        text += "".join(f"{key} = {value}\n" for key, value in required.items() if f"{key} = " not in shots)
        from_toml(text, page)


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_to_a_file(page: str) -> None:
    for target in re.findall(r"\]\(([^()\s#]+)(?:#[^()\s]*)?\)", without_code(PAGES[page])):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), f"{page}: {target} does not exist"


HUNK = re.compile(r"^@@.*?(?=^@@|^--- |\Z)", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("diff", re.findall(r"^```diff\n(.*?)^```$", PAGES["docs/developers/extending.md"], re.MULTILINE | re.DOTALL))
def test_the_diffs_for_developers_apply(diff: str) -> None:
    files = re.split(r"^--- .+\n\+\+\+ b/(.+)\n", diff, flags=re.MULTILINE)[1:]
    assert files
    for path, hunks in zip(files[::2], files[1::2], strict=True):
        found = HUNK.findall(hunks)
        assert found
        for hunk in found:
            lines = [line for line in hunk.splitlines()[1:] if not line.startswith("+")]
            old = "".join(f"{line[1:]}\n" for line in lines)
            assert (old in (ROOT / path).read_text(encoding="utf-8")) if old else not (ROOT / path).exists(), f"{path}:\n{old}"


def without_code(text: str) -> str:
    """Return Markdown without its code blocks and inline code."""
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)


PROGRAMS = [path for path in sorted((ROOT / "benchmarks").glob("*.py")) if '"__main__"' in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("script", PROGRAMS, ids=lambda path: path.stem)
def test_a_benchmark_shows_its_help(script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    monkeypatch.syspath_prepend(str(script.parent))
    with contextlib.suppress(SystemExit):
        exec(
            compile(script.read_text(encoding="utf-8"), str(script), "exec"),
            {"__name__": "__main__", "__doc__": "", "__file__": str(script)},
        )
    assert "usage:" in capsys.readouterr().out
