"""A small study end to end: set, training, images, scores, report."""

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
from sakuga.studies.service import run_study, study_settings
from sakuga.studio.sketchbook.sets import render_style_set

COMMITTED = Path(__file__).parents[2] / "docs" / "studies" / "ablation" / "metrics.json"
GRID = (("rank", (2.0,)), ("steps", (2.0,)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))
    return tmp_path


def test_a_study_runs_once_and_is_then_reused(home: Path) -> None:
    settings, out = replace(study_settings(quick=True, grid=GRID), prompts=("a castle at sunset", "the sea at night")), home / "ablation"
    work = run_study("ablation", settings, out)
    notes = [step.note for step in work]
    report = work.result()
    assert (report.runs, report.executed) == (3, 3)
    assert notes.index("ablation: 3 runs, 0 of them already finished") < notes.index("base finished")
    runs = {path.name.split("-", 2)[2].rsplit("-", 1)[0]: path for path in (out / "runs").iterdir()}
    assert runs.keys() == {"base", "train-rank-2-steps-2", "rank-2-steps-2"}
    for path in runs.values():
        assert {"config.json", "metrics.json", "log.txt"} <= {file.name for file in path.iterdir()}
    assert list((runs["train-rank-2-steps-2"] / "checkpoints" / "style").glob("*.safetensors"))
    took = json.loads((runs["train-rank-2-steps-2"] / "metrics.json").read_text())
    assert took["training_seconds"] > 0
    assert took["processor_seconds"] > 0
    assert json.loads((runs["base"] / "metrics.json").read_text())["processor_seconds"] > 0
    assert took["peak_memory_mb"] > 100
    assert took["file_kb"] > 1
    with Image.open(runs["rank-2-steps-2"] / "thumbnails" / "strip.webp") as strip:
        assert strip.size == (192, 96)
    rows = json.loads((runs["base"] / "rows.json").read_text())
    assert len(rows["look.watercolor"]) == len(list((runs["base"] / "inference").iterdir())) == 2
    assert (out / "report.html").read_text().count('class="broad"') == 3

    if COMMITTED.is_file():
        kinds = {key.split(".", 1)[0] for key in json.loads(COMMITTED.read_text()) if not key.startswith("n.")}
        assert {metric.key.split(".", 1)[0] for metric in report.metrics} <= kinds, "the small study has the metrics of the one in docs/"

    repeated = run_study("ablation", settings, out).result()
    assert repeated.executed == 0
    assert repeated.metrics == report.metrics

    beside = run_study("ablation", settings, home / "beside").result()
    assert beside.executed == 0, "runs of a study beside it are reused"
    assert not (home / "beside" / "runs").exists()
    assert beside.metrics == report.metrics

    found = run_study("ablation", replace(settings, search=1), home / "search").result()
    assert found.executed == 0
    assert {metric.key for metric in found.metrics} == {metric.key for metric in report.metrics}

    for path in (runs["base"], runs["rank-2-steps-2"]):
        (path / "rows.json").write_text(json.dumps({**json.loads((path / "rows.json").read_text()), "judges": "others"}))
    notes = [step.note for step in run_study("ablation", settings, out)]
    assert "base scored again" in notes
    rescored = json.loads((runs["base"] / "rows.json").read_text())
    assert rescored.keys() == rows.keys()
    for key, first in rows.items():
        numbers = isinstance(first, list) and all(isinstance(value, float) for value in first)
        assert rescored[key] == (pytest.approx(first, rel=1e-5) if numbers else first), "the same images, the same metric models"


def test_an_interrupted_study_prints_one_message(home: Path) -> None:
    command = [sys.executable, "-m", "sakuga", "study", "styles", "--quick", "-o", str(home / "out")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True) as running:
        while not list(home.glob("out/runs/*")):
            assert running.poll() is None
            time.sleep(0.05)
        time.sleep(0.3)
        os.killpg(running.pid, signal.SIGINT)
        _, stderr = running.communicate(timeout=120)
    assert running.returncode == 130
    assert stderr.endswith("sakuga: stopped; finished frames are kept, and the same command continues from there\n")
    assert "Traceback" not in stderr


def test_invalid_studies_are_refused(home: Path) -> None:
    with pytest.raises(InputError, match="no study 'colours': choose styles, ablation"):
        run_study("colours", study_settings(), home / "out")
    with pytest.raises(InputError, match="--search is for the grid of an ablation"):
        run_study("styles", study_settings(search=3), home / "out")
    with pytest.raises(InputError, match="0 parallel runs"):
        run_study("styles", study_settings(), home / "out", jobs=0)
    with pytest.raises(InputError, match="'styles' has no grid: --vary is for an ablation"):
        run_study("styles", study_settings(grid=GRID), home / "out")
    rendered = render_style_set("watercolor", home / "set", count=2, portraits=1).result()
    assert rendered
    with pytest.raises(InputError, match="1 training sets were given, and 'curation' takes 2"):
        run_study("curation", study_settings(sets=[home / "set"]), home / "out")
    (home / "mine").mkdir()
    (home / "mine" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        run_study("styles", study_settings(), home / "mine").result()
