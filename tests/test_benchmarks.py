"""The page of benchmarks is made of stored results alone."""

import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """The names of the script that writes the page."""
    return runpy.run_path(str(ROOT / "benchmarks" / "report.py"))


def test_the_page_is_that_of_the_stored_results(report: dict[str, Any]) -> None:
    assert report["PAGE"].read_text(encoding="utf-8") == report["page"]()


def test_every_benchmark_stands_on_the_page_once_and_has_a_script(report: dict[str, Any]) -> None:
    shown = [name for section in report["SECTIONS"] for name in section.benchmarks]
    assert sorted(shown) == sorted(report["BENCHMARKS"])
    assert all((ROOT / "benchmarks" / script).is_file() for script, *_ in report["BENCHMARKS"].values())


def test_a_missed_target_a_void_row_and_a_missing_result_are_told(
    report: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {
        "row": "morph of 32",
        "engine": "torch",
        "plain_cpu_s": 3,
        "ours_cpu_s": 2,
        "ratio": 1.5,
        "range": [1, 2],
        "difference": [1, 0.1],
    }
    rows = [row, row | {"ratio": 1.9}, row | {"valid": False}]
    stored = {"date": "2026-11-30", "processor": "any", "load": 2.5, "rows": rows}
    (tmp_path / "morph.json").write_text(json.dumps(stored), encoding="utf-8")
    monkeypatch.setitem(report["read"].__globals__, "RESULTS", tmp_path)
    section = report["Section"](title="Here", benchmarks=("morph", "chain"), text="", table=report["ratios"])
    *_, missed, reached, void, _, missing = section.page().splitlines()
    assert [line.split(" | ")[-2] for line in (missed, reached, void)] == ["**missed**", "reached", "**void**"]
    assert missing == "Not measured: `chain`."


@pytest.mark.parametrize("shift", [-9, 0, 5])
def test_a_displacement_is_found_where_both_images_fit_best(shift: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    displacement = runpy.run_path(str(ROOT / "benchmarks" / "motion_lora.py"))["displacement"]
    wide = np.kron(np.random.default_rng(0).integers(0, 256, (16, 24, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    found, fit = displacement(wide[:, 12:-12], wide[:, 12 - shift : wide.shape[1] - 12 - shift])
    assert found == shift
    assert fit > 0.95
