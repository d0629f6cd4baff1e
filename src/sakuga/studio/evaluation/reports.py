"""A report's folder: `report.html` to read, `metrics.json` for programs, `config.json` with what was measured and how."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sakuga import InputError, __version__
from sakuga.evaluation.figure import Outcome, to_json
from sakuga.evaluation.report import Page, html
from sakuga.export.target import check_folder, whole

REPORT, METRICS, CONFIG = "report.html", "metrics.json", "config.json"
MADE_BY = "made_by"
"""The key of `config.json` by which a report is known as ours."""


def check_report(folder: Path) -> None:
    """Refuse a folder that holds anything but a report of ours; raises InputError."""
    check_folder(folder)
    if folder.is_dir() and any(folder.iterdir()) and not is_report(folder):
        raise InputError(f"{folder} holds other files and no report of sakuga: choose a new folder with -o")


def is_report(folder: Path) -> bool:
    """Tell whether a report of ours lies in a folder."""
    try:
        said = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and str(said.get(MADE_BY, "")).startswith("sakuga ")


def write_report(folder: Path, page: Page, outcomes: Sequence[Outcome], config: Mapping[str, Any]) -> None:
    """Write the three files, each whole or not at all; config.json comes first, as it marks the folder as ours."""
    write_text(folder / CONFIG, said_as_json({MADE_BY: f"sakuga {__version__}", **config}))
    write_text(folder / METRICS, said_as_json(to_json(outcomes)))
    write_text(folder / REPORT, html(page))


def said_as_json(values: Mapping[str, Any]) -> str:
    """Write values for people and programs."""
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; raises ExportError."""
    with whole(path) as draft:
        draft.write_text(text, encoding="utf-8")
