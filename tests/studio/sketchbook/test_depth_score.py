"""Depth and control are scored where their networks exist; missing ones are named."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from sakuga.models.checkpoint_lookup import find_checkpoint
from sakuga.models.depth import make_depth_estimator, make_depth_processor
from sakuga.models.sketchbook import load_unet, make_controlnet
from sakuga.story.settings import FilmSettings
from sakuga.studio.core.render_session import RenderSession
from sakuga.studio.core.settings import resolve_settings
from sakuga.studio.core.work import Work
from sakuga.studio.sketchbook.depth_score import score_depth_and_control

KEYS = ("rank_correlation", "raw", "shuffled")


def score(folder: Path, store: Path, sheet: Path | None = None) -> tuple[dict[str, float], list[str]]:
    source = find_checkpoint(str(folder))
    settings = resolve_settings(FilmSettings(size=(128, 128), steps=1, guidance=1.0), source)
    scoring = Work(score_depth_and_control(RenderSession(source, store), settings, 2, sheet))
    notes = [step.note for step in scoring if step.note]
    return scoring.result(), notes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the shipped networks without depth and control."""
    path = tmp_path / "sketchbook"
    path.mkdir()
    for part in find_checkpoint().folder.iterdir():
        if part.name not in ("depth", "controlnet"):
            (path / part.name).symlink_to(part)
    return path


def test_missing_networks_are_named_and_skipped(folder: Path, tmp_path: Path) -> None:
    metrics, notes = score(folder, tmp_path / "frames")
    assert metrics == {}
    assert len(notes) == 2
    assert "has no depth/: skipping the metrics of depth and control" in notes[0]
    make_depth_estimator().save_pretrained(folder / "depth")
    make_depth_processor().save_pretrained(folder / "depth")
    metrics, notes = score(folder, tmp_path / "frames")
    assert {"depth.rank_correlation", "depth.raw", "n.depth.raw"} <= metrics.keys()
    assert not any(name.startswith("control") for name in metrics)
    assert [note for note in notes if "controlnet/" in note] == notes[:1]


def test_all_metrics_and_the_sheet_are_written(folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    make_depth_estimator().save_pretrained(folder / "depth")
    make_depth_processor().save_pretrained(folder / "depth")
    make_controlnet(load_unet(folder)).save_pretrained(folder / "controlnet")
    metrics, _ = score(folder, tmp_path / "frames", tmp_path / "sheet.png")
    assert {f"control.{key}" for key in KEYS} <= metrics.keys()
    assert metrics["n.control.raw"] == 2
    assert all(-1 <= metrics[f"control.{key}"] <= 1 for key in KEYS)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (4 * (3 * 128 + 8), 132)
