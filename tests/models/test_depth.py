"""The depth estimator: a transformers folder that any picture can be given to."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import DPTConfig

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.depth import load_depth, make_depth_estimator, make_depth_processor, open_depth

WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("depth")
    make_depth_estimator().half().save_pretrained(path)
    make_depth_processor().save_pretrained(path)
    return path


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_it_is_small(folder: Path) -> None:
    assert sum(value.numel() for value in open_depth(folder).parameters()) <= 1_000_000
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 2 * 2**20


def test_a_picture_of_any_size_and_aspect_has_a_depth(folder: Path) -> None:
    estimate = load_depth(folder)
    rng = np.random.default_rng(0)
    for height, width in ((128, 128), (96, 160), (301, 200)):
        picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        near = estimate(picture)
        assert near.shape == (height, width)
        assert near.dtype == np.float32
        assert 0 <= near.min() <= near.max() <= 1
        assert np.array_equal(near, estimate(picture))


def test_untrained_it_says_half_way_and_still_learns() -> None:
    network = make_depth_estimator()
    said = network(pixel_values=torch.randn(1, 3, 128, 128)).predicted_depth
    assert said.mean().item() == pytest.approx(0.5, abs=0.25)
    said.mean().backward()
    assert network.neck.convs[0].weight.grad.abs().sum() > 1e-4


def test_what_another_network_says_is_stretched(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    del config["nearness"]
    (copy / "config.json").write_text(json.dumps(config))
    near = load_depth(copy)(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    assert near.max() > 0.9
    assert near.min() < 0.1


def test_damaged_folders_are_told_in_one_sentence(copy: Path) -> None:
    whole = (copy / WEIGHTS).read_bytes()
    (copy / WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"the weights are cut short or damaged"):
        load_depth(copy)
    (copy / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match=r"copy cannot be opened: "):
        load_depth(copy)
    wider = make_depth_estimator().config.to_dict() | {"num_hidden_layers": 3}
    (copy / WEIGHTS).write_bytes(whole)
    DPTConfig.from_dict(wider).save_pretrained(copy)
    with pytest.raises(CheckpointError, match=r"weights that its config asks for are missing"):
        load_depth(copy)
