"""The bytes of a saved file depend on its contents alone."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from sakuga.models.saving import save_tensors


@pytest.mark.parametrize("place", range(8))
def test_metadata_are_written_in_order(tmp_path: Path, place: int) -> None:
    values = {"format": "pt", "sakuga.base": "sd15", "b": '"ä"\\n', "a": "\u96ea", "c": ""}
    file = tmp_path / f"{place}.safetensors"
    save_tensors({"x": torch.arange(3.0), "a": torch.ones(2, 2)}, file, values)
    content = file.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert list(header["__metadata__"]) == sorted(values)
    with safe_open(file, framework="pt") as opened:
        assert opened.metadata() == values
        assert torch.equal(opened.get_tensor("x"), torch.arange(3.0))


def test_a_file_without_metadata_is_written_as_it_is(tmp_path: Path) -> None:
    save_tensors({"x": torch.ones(1)}, tmp_path / "x.safetensors", {})
    with safe_open(tmp_path / "x.safetensors", framework="pt") as opened:
        assert list(opened.keys()) == ["x"]
