"""Converted networks on the disk: operations and shapes, without weights.

Weights come from the loaded network, so a graph fits every checkpoint of the same architecture and every style. Those that films of the
Sketchbook need at its own size come with the package (`benchmarks/ship_graphs.py`); others are kept in the data folder. Needs no torch.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from sakuga import SakugaError
from sakuga.files import atomic_folder, write_text
from sakuga.paths import home

GRAPH = 2
"""Raise it when graphs are made in another way, so that kept ones no longer hold."""
XML, BIN, CHECK = "graph.xml", "graph.bin", "check.json"
SHIPPED = Path(__file__).with_name("shipped")
"""The folder of graphs that come with the package, one file each."""


class DamagedGraph(SakugaError):
    """The files of a graph are not those that were written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFiles:
    """The folder of one graph, and how it compared with torch when it was made."""

    folder: Path
    difference: float
    """Relative to torch's output, for one forward pass on this machine."""

    @property
    def xml(self) -> Path:
        """The graph in OpenVINO's format."""
        return self.folder / XML


def graph_name(**parts: Any) -> str:
    """Return the name of a graph by everything that decides it, such as its network, shapes and number format."""
    key = hashlib.sha256(json.dumps({"graph": GRAPH, **parts}, sort_keys=True, default=str).encode()).hexdigest()
    return key[:32]


def graph_folder(name: str, **parts: Any) -> Path:
    """Return the folder of a named graph for the libraries and the machine that it was compared on."""
    return home() / "openvino" / graph_name(name=name, **parts)


def shipped_graph(name: str) -> tuple[bytes, bytes] | None:
    """Return operations and constants of a graph that comes with the package, whatever the machine; None if there is none."""
    path = SHIPPED / f"{name}.zip"
    if not path.is_file():
        return None
    with ZipFile(path) as both:
        return both.read(XML), both.read(BIN)


def read_graph(folder: Path) -> GraphFiles | None:
    """Return a kept graph; None if there is none.

    Raises DamagedGraph where a file is missing, or is not what was written.
    """
    if not folder.is_dir():
        return None
    try:
        check = json.loads((folder / CHECK).read_text(encoding="utf-8"))
        if check["files"] == _digests(folder):
            return GraphFiles(folder=folder, difference=float(check["difference"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedGraph(f"{folder} is damaged") from error
    raise DamagedGraph(f"{folder} is damaged")


def write_graph(folder: Path, name: str, save: Callable[[Path], object], difference: float) -> GraphFiles:
    """Keep a named graph; `save` writes its two files beside a path. Raises OSError where there is no room."""
    with atomic_folder(folder, overwrite=True) as draft:
        save(draft / XML)
        write_text(draft / CHECK, json.dumps({"name": name, "files": _digests(draft), "difference": difference}))
    return GraphFiles(folder=folder, difference=difference)


def _digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (XML, BIN)}
