"""Data is stored in $SAKUGA_HOME or the platform's data folder."""

from pathlib import Path

import pytest

from sakuga.paths import PathError, home, local_path, real_path


def test_the_home_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("SAKUGA_HOME")
    assert home().name == "sakuga"


def test_a_home_folder_that_nobody_has_is_an_ordinary_name() -> None:
    assert local_path("~nobody-here/x") == Path("~nobody-here/x")
    assert local_path("~/x") == Path.home() / "x"


def test_names_that_no_file_system_holds_are_refused_in_a_sentence() -> None:
    with pytest.raises(PathError, match=r"the name x{20}\.\.\. has 300 bytes, and 255 are the most"):
        local_path("x" * 300)
    with pytest.raises(PathError, match="has 5999 bytes, and 4095 are the most"):
        local_path("/".join("x" * 3000))
    assert local_path("x" * 255).name == "x" * 255


def test_links_in_a_circle_are_refused_and_others_followed(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(PathError, match="loop cannot be followed"):
        real_path(tmp_path / "loop")
    (tmp_path / "link").symlink_to("file")
    assert real_path(tmp_path / "link") == tmp_path.resolve() / "file"
