"""Converted networks on the disk: operations and shapes, without weights.

Weights come from the loaded network, so a graph fits every checkpoint of the same architecture and every style. Needs no torch.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sakuga import SakugaError
from sakuga.files import atomic_folder, write_text
from sakuga.paths import home

GRAPH = 1
"""Raise it when graphs are made in another way, so that kept ones no longer hold."""
XML, BIN, CHECK = "graph.xml", "graph.bin", "check.json"


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


def graph_folder(**parts: Any) -> Path:
    """Return the folder of a graph by everything that decides it.

    `parts` are its network, shapes, precision, libraries and machine: each combination has a folder of its own.
    """
    key = hashlib.sha256(json.dumps({"graph": GRAPH, **parts}, sort_keys=True, default=str).encode()).hexdigest()
    return home() / "openvino" / key[:32]


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


def write_graph(folder: Path, save: Callable[[Path], object], difference: float) -> GraphFiles:
    """Keep a graph; `save` writes its two files beside a path. Raises OSError where there is no room."""
    with atomic_folder(folder, overwrite=True) as draft:
        save(draft / XML)
        write_text(draft / CHECK, json.dumps({"files": _digests(draft), "difference": difference}))
    return GraphFiles(folder=folder, difference=difference)


def _digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (XML, BIN)}
