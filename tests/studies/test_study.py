"""A study in miniature, end to end: a set is drawn, a style taught, pictures drawn and judged, one report written."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from sakuga import InputError
from sakuga.studies.service import settle, study
from sakuga.studio.sketchbook.sets import draw_style_set

COMMITTED = Path(__file__).parents[2] / "docs" / "studies" / "ablation" / "metrics.json"
GRID = (("rank", (2.0,)), ("steps", (2.0,)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))
    return tmp_path


def test_a_study_runs_is_told_and_is_not_run_again(home: Path) -> None:
    setting, out = replace(settle(quick=True, grid=GRID), prompts=("a castle at sunset", "the sea at night")), home / "ablation"
    work = study("ablation", setting, out)
    notes = [step.note for step in work]
    made = work.result()
    assert (made.runs, made.performed) == (3, 3)
    assert notes.index("ablation: 3 runs, 0 of them finished before") < notes.index("base is done")
    runs = {path.name.split("-", 2)[2].rsplit("-", 1)[0]: path for path in (out / "runs").iterdir()}
    assert runs.keys() == {"base", "teach-rank-2-steps-2", "rank-2-steps-2"}
    for path in runs.values():
        assert {"config.json", "metrics.json", "log.txt"} <= {file.name for file in path.iterdir()}
    assert list((runs["teach-rank-2-steps-2"] / "checkpoints" / "style").glob("*.safetensors"))
    took = json.loads((runs["teach-rank-2-steps-2"] / "metrics.json").read_text())
    assert took["training_seconds"] > 0
    assert took["processor_seconds"] > 0
    assert json.loads((runs["base"] / "metrics.json").read_text())["processor_seconds"] > 0
    assert took["peak_memory_mb"] > 100
    assert took["file_kb"] > 1
    with Image.open(runs["rank-2-steps-2"] / "thumbnails" / "strip.webp") as strip:
        assert strip.size == (192, 96)
    rows = json.loads((runs["base"] / "rows.json").read_text())
    assert len(rows["look.watercolor"]) == len(list((runs["base"] / "inference").iterdir())) == 2
    assert (out / "report.html").read_text().count("<svg") == 3

    if COMMITTED.is_file():
        kinds = {key.split(".", 1)[0] for key in json.loads(COMMITTED.read_text()) if not key.startswith("n.")}
        assert {one.key.split(".", 1)[0] for one in made.figures} <= kinds, "the study in miniature measures what the one in docs/ did"

    again = study("ablation", setting, out).result()
    assert again.performed == 0
    assert again.figures == made.figures

    beside = study("ablation", setting, home / "beside").result()
    assert beside.performed == 0, "what another study beside it has run is not run again"
    assert not (home / "beside" / "runs").exists()
    assert beside.figures == made.figures

    found = study("ablation", replace(setting, search=1), home / "search").result()
    assert found.performed == 0
    assert {one.key for one in found.figures} == {one.key for one in made.figures}

    for path in (runs["base"], runs["rank-2-steps-2"]):
        (path / "rows.json").write_text(json.dumps({**json.loads((path / "rows.json").read_text()), "judges": "others"}))
    told = [step.note for step in study("ablation", setting, out)]
    assert "base is judged again" in told
    rejudged = json.loads((runs["base"] / "rows.json").read_text())
    assert rejudged.keys() == rows.keys()
    for key, told_first in rows.items():
        numbers = isinstance(told_first, list) and all(isinstance(one, float) for one in told_first)
        assert rejudged[key] == (pytest.approx(told_first, rel=1e-5) if numbers else told_first), "the same pictures, the same judges"


def test_a_study_that_is_stopped_as_it_begins_says_so_in_one_sentence(home: Path) -> None:
    command = [sys.executable, "-m", "sakuga", "study", "styles", "--quick", "-o", str(home / "out")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True) as running:
        while not list(home.glob("out/runs/*")):
            assert running.poll() is None
            time.sleep(0.05)
        time.sleep(0.3)
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=120)
    assert running.returncode == 130
    assert said.endswith("sakuga: stopped; what was drawn is kept, and the same command goes on from there\n")
    assert "Traceback" not in said


def test_what_cannot_be_studied_is_refused_in_words(home: Path) -> None:
    with pytest.raises(InputError, match="no study 'colours': there are styles, ablation"):
        study("colours", settle(), home / "out")
    with pytest.raises(InputError, match="a search is for the grid of an ablation"):
        study("styles", settle(search=3), home / "out")
    with pytest.raises(InputError, match="0 runs at a time"):
        study("styles", settle(), home / "out", jobs=0)
    with pytest.raises(InputError, match="'styles' varies nothing: --vary is for the grid of an ablation"):
        study("styles", settle(grid=GRID), home / "out")
    made = draw_style_set("watercolor", home / "set", count=2, portraits=1).result()
    assert made
    with pytest.raises(InputError, match="1 training sets were given, and 'curation' takes 2"):
        study("curation", settle(sets=[home / "set"]), home / "out")
    (home / "mine").mkdir()
    (home / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        study("styles", settle(), home / "mine").result()
