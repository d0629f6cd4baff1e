"""A kept graph is what was written, or it is refused."""

import json
from pathlib import Path

import pytest

from sakuga.models.openvino.graphs import BIN, CHECK, XML, DamagedGraph, graph_folder, read_graph, write_graph


def save(path: Path) -> None:
    path.write_text("operations")
    path.with_suffix(".bin").write_bytes(b"constants")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path))
    return graph_folder("unet", library="1.0")


def test_a_graph_is_read_as_it_was_written(folder: Path) -> None:
    assert read_graph(folder) is None
    assert read_graph(folder) is None, "looking makes no folder"
    assert write_graph(folder, "unet", save, 0.25) == read_graph(folder)
    assert read_graph(folder).difference == 0.25  # type: ignore[union-attr]


def test_every_version_and_format_has_a_folder_of_its_own(folder: Path) -> None:
    others = [graph_folder("unet", library="1.1"), graph_folder("vae", library="1.0")]
    assert len({folder, *others}) == 3


@pytest.mark.parametrize("name", [XML, BIN, CHECK])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b"\xff\xfe"])
def test_a_damaged_graph_is_refused(folder: Path, name: str, content: bytes | None) -> None:
    write_graph(folder, "unet", save, 0.0)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(DamagedGraph, match="is damaged"):
        read_graph(folder)
    assert read_graph(write_graph(folder, "unet", save, 0.0).folder), "it can be written again"


def test_a_check_without_a_difference_is_damaged(folder: Path) -> None:
    write_graph(folder, "unet", save, 0.0)
    check = json.loads((folder / CHECK).read_text())
    (folder / CHECK).write_text(json.dumps({"files": check["files"]}))
    with pytest.raises(DamagedGraph):
        read_graph(folder)
