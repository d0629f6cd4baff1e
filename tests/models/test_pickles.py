"""Pickles give tensors and plain data, or are refused before they run code or fill the memory."""

import io
import os
import pickle
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import torch

from sakuga.models.adapters import AdapterError, read_pickle
from sakuga.models.checkpoint_files import CheckpointError
from sakuga.models.motion import open_pickled_motion_adapter
from sakuga.models.pickles import PickleError, load_pickle


class Code:
    """What a hostile pickle holds."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


def saved(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def compressed(content: bytes) -> bytes:
    file = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as parts, ZipFile(file, "w", ZIP_DEFLATED) as made:
        for name in parts.namelist():
            made.writestr(name, parts.read(name))
    return file.getvalue()


def test_tensors_and_plain_data_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(saved({"name": "ink", "step": 3, "weights": {"up": torch.ones(2, 3)}}))
    read = load_pickle(tmp_path / "a.pt")
    assert (read["name"], read["step"], read["weights"]["up"].tolist()) == ("ink", 3, [[1.0] * 3] * 2)


@pytest.mark.parametrize("form", ["zip", "plain pickle"])
def test_code_is_never_run_and_nobody_is_told_how_to_run_it(form: str, tmp_path: Path) -> None:
    held = {"weights": Code(tmp_path / "ran")}
    (tmp_path / "a.pt").write_bytes(saved(held) if form == "zip" else pickle.dumps(held))
    for read in (lambda path: read_pickle(path, "ink"), open_pickled_motion_adapter):
        with pytest.raises((AdapterError, CheckpointError), match="it holds more than weights") as refused:
            read(tmp_path / "a.pt")
        assert "weights_only" not in str(refused.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (compressed(saved({"a": torch.zeros(1_000_000)})), "its parts are compressed"),
        (saved({"a": {"b": torch.zeros(1).expand(1_000_000, 1_000_000)}}), "its tensors are larger than the file"),
        (saved([torch.zeros(1, dtype=torch.float16).expand(10_000)]), "its tensors are larger than the file"),
        (saved({"a": torch.zeros(1000)})[:-100], "."),
        (b"", "."),
    ],
    ids=["compressed", "strides of 0", "strides of 0 in a list", "truncated", "empty"],
)
def test_what_unfolds_or_is_damaged_is_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(PickleError, match=reason):
        load_pickle(tmp_path / "a.pt")
