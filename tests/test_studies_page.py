"""The numbers in docs/studies/README.md are those of the metrics.json files beside it."""

import json
import re
from pathlib import Path

import pytest

from sakuga.evaluation.metric import RESERVED_PREFIXES

DOCS = Path(__file__).parent.parent / "docs" / "studies"
NAMES = sorted(path.parent.name for path in DOCS.glob("*/metrics.json"))
NUMBER = re.compile(r"[−-]?\d+\.\d+")
SIGNED = r"([+−-]?\d+\.\d+)"
INTERVAL = re.compile(rf"{SIGNED} \[{SIGNED}, {SIGNED}\]")


def paragraph(name: str) -> str:
    page = (DOCS / "README.md").read_text(encoding="utf-8")
    return page.split(f"## {name}\n", 1)[1].split("\n## ", 1)[0]


def close(value: float, text: str) -> bool:
    """Check whether a value rounds to a number as written."""
    places = len(text.split(".")[1])
    return abs(value - number(text)) <= 0.5 * 10**-places + 1e-9


def number(text: str) -> float:
    return float(text.replace("−", "-"))


@pytest.mark.parametrize("name", NAMES)
def test_each_metric_with_its_interval_is_one_of_the_study(name: str) -> None:
    metrics = json.loads((DOCS / name / "metrics.json").read_text())
    intervals = [(metrics[key], metrics[f"low.{key}"], metrics[f"high.{key}"]) for key in metrics if f"low.{key}" in metrics]
    quoted = INTERVAL.findall(paragraph(name))
    assert quoted
    for texts in quoted:
        signs = [text.lstrip("+") for text in texts]
        assert any(all(map(close, interval, signs)) for interval in intervals), f"{texts} is no metric of {name}"


@pytest.mark.parametrize("name", NAMES)
def test_each_number_without_interval_is_a_value_of_the_study(name: str) -> None:
    metrics = json.loads((DOCS / name / "metrics.json").read_text())
    values = [value for key, value in metrics.items() if key.split(".")[0] not in RESERVED_PREFIXES]
    for text in NUMBER.findall(re.sub(r"(rate|at) [\d.]+( to [\d.]+)?", "", INTERVAL.sub("", paragraph(name)))):
        assert any(close(value, text) for value in values), f"{text} is no value of {name}"


def test_a_number_that_no_study_measured_is_found() -> None:
    assert close(0.7512, "0.75")
    assert not close(0.7512, "0.76")
    assert close(-0.13, "−0.13")
    assert INTERVAL.findall("LoRA (+0.75 [+0.48, +0.91]; base −0.01 [−0.04, 0.00])") == [
        ("+0.75", "+0.48", "+0.91"),
        ("−0.01", "−0.04", "0.00"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_complete_and_loads_nothing(name: str) -> None:
    report = (DOCS / name / "report.html").read_text(encoding="utf-8")
    assert f"Study: {name}" in report
    assert "default-src 'none'" in report
    assert not re.search(r'(src|href)="(?!data:|#)', report)
    assert not re.search(r"/(home|root|tmp|work|Users)/", report)
    assert max((len(encoded) for encoded in re.findall(r'data:image/webp;base64,([^"]+)', report)), default=0) < 300_000 * 4 / 3


def test_the_reports_are_small() -> None:
    assert sum(path.stat().st_size for path in DOCS.rglob("*") if path.is_file()) < 4_000_000
