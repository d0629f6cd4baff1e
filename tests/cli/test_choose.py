"""`sakuga choose`, `replay`, `redo` and `retime`: one JSON object per command, and errors of one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sakuga.studio.choosing.log import read
from tests.cli.conftest import Run


@pytest.fixture
def image(tmp_path: Path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / "start.png")
    return tmp_path / "start.png"


def run_json(run: Run, *arguments: object) -> dict[str, Any]:
    code, out, err = run(*arguments, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_chosen_clip_is_replayed_redone_and_retimed(run: Run, image: Path, tmp_path: Path, tiny_v_folder: Path) -> None:
    model, store = ("--model", tiny_v_folder), ("--store", tmp_path / "frames")
    small = ("--size", 32, "--steps", 2, "-n", 2, "--between", 2)
    log, clip = tmp_path / "session.jsonl", tmp_path / "clip.apng"
    made = run_json(run, "choose", image, "--pick", "2,1", "--session", log, "-o", clip, *small, *model, *store)
    assert (made["path"], made["nodes"], made["frames"]) == ([2, 3], 5, 4)
    again = run_json(run, "replay", log, "-o", tmp_path / "again.apng", *model, *store)
    assert (again["generated"], (tmp_path / "again.apng").read_bytes()) == (0, clip.read_bytes())
    takes = run_json(run, "redo", clip, "--frame", 2, "--takes", 2, "--seed", 7, "-o", tmp_path / "takes", *model, *store)
    assert [Path(path).name for path in takes["images"]] == ["seed-7.png", "seed-8.png"]
    redone = run_json(run, "redo", clip, "--frame", 2, "--seed", 8, "-o", tmp_path / "redone.apng", *model, *store)
    assert (redone["frames"], redone["generated"]) == (4, 0)
    retimed = run_json(run, "retime", clip, "--hold", "2:3", "--cut", "4", "-o", tmp_path / "slow.apng", *model, *store)
    assert (retimed["frames"], retimed["generated"]) == (6, 0)
    code, _, err = run("redo", clip, "--frame", 9, *model, *store)
    assert (code, "frames 1 to 4, and no frame 9" in err) == (2, True)


def test_without_picks_a_session_begins_and_the_studio_opens_at_it(
    run: Run, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fastapi")
    opened: list[dict[str, Any]] = []
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("sakuga.cli.studio.start_server", lambda **settings: opened.append(settings))
    code, _, err = run("choose", image, "--seed", 5)
    assert code == 0, err
    (log,) = (tmp_path / "home" / "sessions").iterdir()
    assert opened[0]["open_page"] == f"/#/choose/{log.stem}"
    head, decisions = read(log)
    assert (head.recipe["seed"], head.recipe["settings"]["sampler"], decisions) == (5, "lcm", [])
