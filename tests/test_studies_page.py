"""What docs/studies says was found stands in the files beside it."""

import json
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs" / "studies"
NAMES = sorted(path.parent.name for path in DOCS.glob("*/metrics.json"))
NUMBER = re.compile(r"[−-]?\d+\.\d+")


def told(name: str) -> str:
    page = (DOCS / "README.md").read_text(encoding="utf-8")
    return page.split(f"## {name}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_of_a_paragraph_is_one_of_the_files(name: str) -> None:
    figures = [value for value in json.loads((DOCS / name / "metrics.json").read_text()).values() if isinstance(value, (int, float))]
    said = NUMBER.findall(re.sub(r"(rate|at) [\d.]+( to [\d.]+)?", "", told(name)))
    assert said
    for number in said:
        places = len(number.split(".")[1])
        wanted = float(number.replace("−", "-"))
        assert any(abs(value - wanted) <= 0.5 * 10**-places + 1e-9 for value in figures), f"{number} is no figure of {name}"


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_whole_and_opens_nothing_else(name: str) -> None:
    report = (DOCS / name / "report.html").read_text(encoding="utf-8")
    assert f"Study: {name}" in report
    assert "default-src 'none'" in report
    assert not re.search(r'(src|href)="(?!data:|#)', report)
    assert not re.search(r"/(home|root|tmp|work|Users)/", report)
    assert max((len(picture) for picture in re.findall(r'data:image/webp;base64,([^"]+)', report)), default=0) < 300_000 * 4 / 3


def test_all_of_them_are_small() -> None:
    assert sum(path.stat().st_size for path in DOCS.rglob("*") if path.is_file()) < 4_000_000
