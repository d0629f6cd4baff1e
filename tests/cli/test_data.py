"""`sakuga data`: one JSON object per command, and errors of one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Run

KINDS = ("portrait", "landscape", "landscape", "landscape")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Six images, the first two the same, with a table of compositions in cp1252."""
    folder, rng = tmp_path / "images", np.random.default_rng(0)
    folder.mkdir()
    rows = ["file_name,text,composition"]
    for index in range(6):
        if index != 1:
            cells = rng.integers(0, 256, (8, 12, 3)).astype(np.uint8)
        Image.fromarray(cells).resize((96, 64), Image.Resampling.BICUBIC).save(folder / f"{index}.png")
        rows.append(f"{index}.png,a café by the sea {index},{KINDS[index % 4]}")
    (folder / "metadata.csv").write_bytes("\n".join(rows).encode("cp1252"))
    return folder


def run_json(run: Run, *arguments: object) -> dict[str, Any]:
    code, out, err = run("data", *arguments, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_set_passes_through_every_command_that_needs_no_model(run: Run, images: Path, tmp_path: Path) -> None:
    built = run_json(run, "build", images, "-o", tmp_path / "built", "--trigger", "my ink", "--licence", "CC0-1.0")
    assert (built["images"], built["captioned"], built["skipped"]) == (6, 6, [])
    assert "café" in (tmp_path / "built" / "metadata.jsonl").read_text(encoding="utf-8")
    deduped = run_json(run, "dedupe", tmp_path / "built", "-o", tmp_path / "deduped")
    assert (deduped["images"], len(deduped["left_out"])) == (5, 1)
    balanced = run_json(run, "balance", tmp_path / "deduped", "-o", tmp_path / "balanced", "--portraits", 1, "--landscapes", 1)
    assert balanced["after"]["portrait"] == balanced["after"]["landscape"]
    cropped = run_json(run, "crop", tmp_path / "balanced", "-o", tmp_path / "cropped", "--size", 32, "--focus", "centre")
    assert cropped["sizes"] == {"32x32": 5}
    split = run_json(run, "split", tmp_path / "cropped", "-o", tmp_path / "split", "--holdout", 2)
    assert (split["training"], split["held_out"]) == (3, 2)
    plan = run_json(run, "push", tmp_path / "split", "me/ink", "--dry-run")
    assert not plan["sent"]
    assert sum(name.endswith(".png") for name in plan["files"]) == 5


def test_unreadable_images_are_named_and_one_image_is_singular(run: Run, images: Path, tmp_path: Path) -> None:
    (images / "5.png").write_bytes(b"")
    built = run_json(run, "build", images, "-o", tmp_path / "built")
    assert built["images"] == 5
    assert len(built["skipped"]) == 1
    assert "5.png" in built["skipped"][0]
    alone = tmp_path / "alone"
    alone.mkdir()
    (images / "0.png").rename(alone / "0.png")
    code, out, err = run("data", "build", alone, "-o", tmp_path / "one")
    assert code == 0
    assert "1 image, 0 with a caption" in out
    assert "a set of one image teaches this image, not a style" in err


def test_invalid_requests_are_one_sentence_and_exit_code_2(run: Run, images: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "prompts.txt").write_text("# nothing\n")
    run_json(run, "build", images, "-o", tmp_path / "set")
    for arguments, message in (
        (("build", tmp_path / "empty", "-o", tmp_path / "new"), "contains no images"),
        (("build", tmp_path / "absent", "-o", tmp_path / "new"), "absent"),
        (("build", images, "-o", tmp_path / "set"), "exists already"),
        (("inspect", tmp_path / "empty"), "empty"),
        (("split", tmp_path / "set", "-o", tmp_path / "new", "--holdout", 6), "leave some on both sides"),
        (("balance", tmp_path / "set", "-o", tmp_path / "new"), "the ratio is empty"),
        (("balance", tmp_path / "set", "-o", tmp_path / "new", "--figures", 1), "the set has no figure"),
        (("crop", tmp_path / "set", "-o", tmp_path / "new", "--focus", "nose"), "nose"),
        (("caption", tmp_path / "set", "-o", tmp_path / "new", "--llm", "gpt-4o", "--model", "blip"), "one"),
        (("distill", tmp_path / "prompts.txt", "-o", tmp_path / "new"), "prompts.txt"),
        (("push", tmp_path / "set", "no name"), "owner/name"),
        (("push", tmp_path / "set", "me/ink"), "--dry-run"),
    ):
        code, out, err = run("data", *arguments)
        assert (code, out) == (2, ""), arguments
        assert message in err, arguments
        assert err.rstrip().count("\n") == 0, arguments
    assert not (tmp_path / "new").exists()
