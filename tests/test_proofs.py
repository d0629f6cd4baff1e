"""The page of proofs says what was measured: every cell of its tables is the figure beside it."""

import json
import re
from pathlib import Path

import pytest

from sakuga.evaluation.figure import Figure, from_json

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "proofs.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?P<proof>\w+)/(?P<key>[\w.]+) \| (?P<cells>.+) \|$", re.MULTILINE)


def figures(proof: str) -> dict[str, Figure]:
    found = from_json(json.loads((DOCS / "proofs" / f"{proof}.json").read_text(encoding="utf-8")))
    return {one.key: one for one in found if isinstance(one, Figure)}


def told(figure: Figure) -> str:
    assert figure.interval
    return f"{figure.value:.3g} [{figure.low:.3g}, {figure.high:.3g}]"


def heads() -> dict[str, list[str]]:
    """The columns that each table's rows have, by the row."""
    found: dict[str, list[str]] = {}
    columns: list[str] = []
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| figure |"):
            columns = cells[1:]
        elif row := ROW.match(line):
            found[f"{row['proof']}/{row['key']}"] = columns
    return found


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row['proof']}/{row['key']}") for row in ROW.finditer(PAGE)])
def test_every_cell_is_what_was_measured(row: re.Match[str]) -> None:
    known, cells = figures(row["proof"]), [cell.strip() for cell in row["cells"].split("|")]
    for column, cell in zip(heads()[f"{row['proof']}/{row['key']}"], cells, strict=True):
        if column == "n":
            assert cell == str(known[f"{row['key']}.more"].n if f"{row['key']}.more" in known else known[f"{row['key']}.worn"].n)
        elif cell:
            assert cell == told(known[f"{row['key']}.{column}"])


def test_there_is_a_table_and_a_strip_for_every_proof() -> None:
    proofs = {path.stem for path in (DOCS / "proofs").glob("*.json")}
    assert proofs == {row["proof"] for row in ROW.finditer(PAGE)}
    assert all(f"(proofs/{proof}.webp)" in PAGE and (DOCS / "proofs" / f"{proof}.webp").is_file() for proof in proofs)
