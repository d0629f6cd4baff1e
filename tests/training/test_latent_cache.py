"""A cache that does not fit into memory trains the same weights from files, and a resume finds them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sakuga.studio.training.resolution import TrainSettings
from sakuga.training import caption_embeddings, checkpoints, latent_cache
from sakuga.training.latent_cache import LatentCache
from tests.training.conftest import resumed, trained


def weights(run: Path) -> dict[str, bytes]:
    tensors = load_file(checkpoints.list_checkpoints(run / "checkpoints")[0])
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def test_files_in_place_of_memory_train_the_same(settings: TrainSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = trained(replace(settings, flip=True, out=tmp_path / "plain"))
    monkeypatch.setattr(latent_cache, "LIMIT", 1)
    monkeypatch.setattr(caption_embeddings, "LIMIT", 1)
    assert weights(trained(replace(settings, flip=True, out=tmp_path / "files")).run) == weights(plain.run)
    assert weights(resumed(replace(settings, flip=True), 4).run) == weights(plain.run)


def test_the_memory_stays_below_the_limit_and_files_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_cache, "LIMIT", 1000)
    cache = LatentCache(tmp_path / "a.safetensors")
    for place in range(20):
        cache.put(str(place), torch.full((64,), float(place)))
        assert sum(one.nbytes for one in cache._tensors.values()) <= 1000
    cache.save({"key": "mine"})
    again = LatentCache(tmp_path / "a.safetensors")
    assert again.load("another") is None
    assert again.load("mine") == {"key": "mine", "parts": "5"}
    assert [float(again.get(str(place))[0]) for place in range(20)] == list(range(20))  # type: ignore[index]
    assert again.get("20") is None
    (tmp_path / "a.0003.safetensors").unlink()
    assert LatentCache(tmp_path / "a.safetensors").load("mine") is None
