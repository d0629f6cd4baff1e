"""The depth estimator: a transformers folder, for images of any size."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import DPTConfig

from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.depth import load_depth_estimator, load_depth_network, make_depth_estimator, make_depth_processor

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


def test_the_network_is_small(folder: Path) -> None:
    assert sum(value.numel() for value in load_depth_network(folder).parameters()) <= 1_000_000
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 2 * 2**20


def test_depth_is_estimated_for_any_size_and_aspect(folder: Path) -> None:
    estimate = load_depth_estimator(folder)
    rng = np.random.default_rng(0)
    for height, width in ((128, 128), (96, 160), (301, 200)):
        image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        near = estimate(image)
        assert near.shape == (height, width)
        assert near.dtype == np.float32
        assert 0 <= near.min() <= near.max() <= 1
        assert np.array_equal(near, estimate(image))


def test_the_untrained_estimator_outputs_one_half_and_has_gradients() -> None:
    network = make_depth_estimator()
    message = network(pixel_values=torch.randn(1, 3, 128, 128)).predicted_depth
    assert message.mean().item() == pytest.approx(0.5, abs=0.25)
    message.mean().backward()
    assert network.neck.convs[0].weight.grad.abs().sum() > 1e-4


def test_inverse_depth_of_other_networks_is_normalized(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    del config["nearness"]
    (copy / "config.json").write_text(json.dumps(config))
    near = load_depth_estimator(copy)(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    assert near.max() > 0.9
    assert near.min() < 0.1


def test_damaged_folders_are_refused_with_a_reason(copy: Path) -> None:
    whole = (copy / WEIGHTS).read_bytes()
    (copy / WEIGHTS).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"the weights are truncated or damaged"):
        load_depth_estimator(copy)
    (copy / WEIGHTS).unlink()
    with pytest.raises(CheckpointError, match=r"cannot load .*copy: "):
        load_depth_estimator(copy)
    wider = make_depth_estimator().config.to_dict() | {"num_hidden_layers": 3}
    (copy / WEIGHTS).write_bytes(whole)
    DPTConfig.from_dict(wider).save_pretrained(copy)
    with pytest.raises(CheckpointError, match=r"weights of its config are missing"):
        load_depth_estimator(copy)
