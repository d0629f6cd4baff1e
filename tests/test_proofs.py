"""Every number in the tables of docs/proofs.md is the measured one."""

import json
import re
from pathlib import Path

import pytest

from sakuga.evaluation.metric import Metric, from_json

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "proofs.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?P<proof>\w+)/(?P<key>[\w.]+) \| (?P<cells>.+) \|$", re.MULTILINE)


def metrics(proof: str) -> dict[str, Metric]:
    found = from_json(json.loads((DOCS / "proofs" / f"{proof}.json").read_text(encoding="utf-8")))
    return {metric.key: metric for metric in found if isinstance(metric, Metric)}


def text(metric: Metric) -> str:
    assert metric.interval
    return f"{metric.value:.3g} [{metric.low:.3g}, {metric.high:.3g}]"


def columns_by_row() -> dict[str, list[str]]:
    """Return the columns of each table's rows."""
    found: dict[str, list[str]] = {}
    columns: list[str] = []
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| metric |"):
            columns = cells[1:]
        elif row := ROW.match(line):
            found[f"{row['proof']}/{row['key']}"] = columns
    return found


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row['proof']}/{row['key']}") for row in ROW.finditer(PAGE)])
def test_every_cell_is_the_measured_value(row: re.Match[str]) -> None:
    known, cells = metrics(row["proof"]), [cell.strip() for cell in row["cells"].split("|")]
    for column, cell in zip(columns_by_row()[f"{row['proof']}/{row['key']}"], cells, strict=True):
        if column == "n":
            assert cell == str(known[f"{row['key']}.difference"].n)
        elif cell:
            assert cell == text(known[f"{row['key']}.{column.replace(' ', '_')}"])


def test_there_is_a_table_and_a_strip_for_every_proof() -> None:
    proofs = {path.stem for path in (DOCS / "proofs").glob("*.json")}
    assert proofs == {row["proof"] for row in ROW.finditer(PAGE)}
    assert all(f"(proofs/{proof}.webp)" in PAGE and (DOCS / "proofs" / f"{proof}.webp").is_file() for proof in proofs)
