"""A report's folder: `report.html`, `metrics.json` and `config.json`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sakuga import InputError, __version__
from sakuga.evaluation.metric import Measurement, to_json
from sakuga.evaluation.report import Page, html
from sakuga.export.target import atomic, check_folder
from sakuga.files import is_empty, read_utf8
from sakuga.text import finite

REPORT, METRICS, CONFIG = "report.html", "metrics.json", "config.json"
MADE_BY = "made_by"
"""The key of `config.json` that marks a report of sakuga."""


def check_report(folder: Path) -> None:
    """Raise InputError for a folder with other files."""
    check_folder(folder)
    if folder.is_dir() and not is_empty(folder) and not is_report(folder):
        raise InputError(f"{folder} holds other files than a report of sakuga: choose a new folder with -o")


def is_report(folder: Path) -> bool:
    """Check whether a folder holds a report of sakuga."""
    try:
        config = json.loads(read_utf8(folder / CONFIG))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and str(config.get(MADE_BY, "")).startswith("sakuga ")


def write_report(folder: Path, page: Page, metrics: Sequence[Measurement], config: Mapping[str, Any]) -> None:
    """Write the three files, each atomically.

    Config.json first, as it marks the folder.
    """
    write_text(folder / CONFIG, json_text({MADE_BY: f"sakuga {__version__}", **config}))
    write_text(folder / METRICS, json_text(to_json(metrics)))
    write_text(folder / REPORT, html(page))


def json_text(values: Mapping[str, Any]) -> str:
    """Format values as indented JSON."""
    return json.dumps(finite(values), indent=1, ensure_ascii=False) + "\n"


def write_text(path: Path, text: str) -> None:
    """Write a file atomically; raises ExportError."""
    with atomic(path) as draft:
        draft.write_text(text, encoding="utf-8", errors="replace")
