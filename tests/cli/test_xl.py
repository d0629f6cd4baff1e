"""Every generating command takes a Stable Diffusion XL folder."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.cli.conftest import Run


def test_images_clips_and_morphs_are_generated_by_xl(run: Run, tmp_path: Path, tiny_xl_folder: Path) -> None:
    options = ("--model", tiny_xl_folder, "--steps", 2, "--json")
    code, _, err = run("draw", "a (castle:1.3) by the sea", "--negative", "people", "-n", 2, "-o", tmp_path / "images", *options)
    assert (code, err) == (0, "")
    first, second = (np.asarray(Image.open(path)) for path in sorted((tmp_path / "images").glob("*.png")))
    assert first.shape == (32, 32, 3)
    assert not np.array_equal(first, second)
    code, out, _ = run("morph", "the sea", "a castle", "a boat", "--frames", 5, "-o", tmp_path / "morph.gif", *options)
    assert code == 0
    assert json.loads(out)["generated"] == 5
    chained = ("--shots", 2, "--seconds", 1, "--init-from", "previous", "--strength", 0.6, "-o", tmp_path / "chain.gif")
    code, out, _ = run("animate", "a windmill in a meadow", *chained, *options)
    assert code == 0
    assert json.loads(out)["generated"] > 2


def test_vary_refuses_xl_checkpoints_without_image_encoder(run: Run, tmp_path: Path, tiny_xl_folder: Path) -> None:
    Image.new("RGB", (32, 32), "red").save(tmp_path / "red.png")
    code, _, err = run("vary", tmp_path / "red.png", "--model", tiny_xl_folder, "-o", tmp_path / "a.gif")
    assert code == 2
    assert "image encoder" in err
