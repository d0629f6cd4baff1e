"""Data is stored in $SAKUGA_HOME or the platform's data folder."""

from pathlib import Path

import pytest

from sakuga.paths import home


def test_the_home_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("SAKUGA_HOME")
    assert home().name == "sakuga"
