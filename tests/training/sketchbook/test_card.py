"""The card is written from the files beside it alone."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import save_file

from sakuga import SakugaError, studio
from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.training.sketchbook.card import CARD, METRICS, TRAINING, card
from sakuga.training.sketchbook.loop import CHECKPOINT
from sakuga.training.sketchbook.run_summary import training_seconds

SHIPPED = find_checkpoint().folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the shipped metrics and a single network."""
    own = tmp_path / "own"
    shutil.copytree(SHIPPED / "upscaler", own / "upscaler")
    for name in (METRICS, TRAINING):
        shutil.copy(SHIPPED / name, own / name)
    return own


def test_the_shipped_card_is_that_of_the_files_beside_it() -> None:
    metrics, training = (json.loads((SHIPPED / name).read_text()) for name in (METRICS, TRAINING))
    assert (SHIPPED / CARD).read_text() == card(SHIPPED, metrics, training)


def test_every_metric_has_its_row_with_sample_size_and_ceiling(folder: Path, tmp_path: Path) -> None:
    metrics = {"fidelity.hair": 0.9876, "n.fidelity.hair": 61, "ceiling.fidelity.hair": 0.95, "few_step.speedup": 6.5, "n.kid": 300}
    (tmp_path / "new.json").write_text(json.dumps(metrics))
    written = studio.write_sketchbook_card(folder, metrics=tmp_path / "new.json").read_text()
    assert "| `fidelity.hair` | 0.988 | 0.95 | 61 | 0.90 |" in written
    assert "| `few_step.speedup` | 6.5 | | | 5 |" in written
    assert "`fidelity.time`" not in written
    assert "--images 300`" in written
    assert "| `upscaler` | doubles an image: convolutions and pixel-shuffle beside a bicubic enlargement | 0.17 M |" in written
    assert "Missing: `tokenizer`, " in written
    assert json.loads((folder / METRICS).read_text()) == metrics
    assert studio.write_sketchbook_card(folder).read_text() == written
    (tmp_path / "new.json").write_text(json.dumps({**metrics, "low.fidelity.hair": 0.913, "high.fidelity.hair": 0.998}))
    with_ends = studio.write_sketchbook_card(folder, metrics=tmp_path / "new.json").read_text()
    assert "| `fidelity.hair` | 0.988 | 0.913 to 0.998 | 0.95 | 61 | 0.90 |" in with_ends
    assert "`low." not in with_ends


def test_runs_are_summarized_with_samples_and_times(folder: Path, tmp_path: Path) -> None:
    for name, samples_seen in (("unet", 3200), ("styles/comic", 800)):
        run = tmp_path / "work" / "runs" / name
        run.mkdir(parents=True)
        save_file({}, run / CHECKPOINT, {"seen": str(samples_seen), "steps": "100", "plan": json.dumps({"pictures": 512})})
        lines = [{"seen": 1600, "samples_per_second": 10.0}, {"seen": 1600, "error": 0.1}, {"seen": 3200, "samples_per_second": 20.0}]
        (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    written = studio.write_sketchbook_card(folder, work=tmp_path / "work").read_text()
    assert "| UNet | 3,200 | 32 | 512 | 4 |" in written
    assert "| styles/comic | 800 | 8 | 512 | 4 |" in written


def test_the_time_of_lost_steps_counts() -> None:
    line = {"seen": 100, "samples_per_second": 10.0}
    assert training_seconds([line, {**line, "seen": 50}, line]) == 10 + 10 + 5


@pytest.mark.parametrize("text", ["", "[]", '{"kid": "low"}'])
def test_files_without_metrics_are_refused(text: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(text)
    before = (folder / METRICS).read_bytes()
    with pytest.raises(SakugaError, match=r"bad.json has no metrics .*score --json"):
        studio.write_sketchbook_card(folder, metrics=tmp_path / "bad.json")
    assert (folder / METRICS).read_bytes() == before
