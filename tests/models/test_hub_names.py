"""Names of the hub are distinguished from mistyped paths, which are not sent anywhere."""

from pathlib import Path

import pytest

from sakuga.models.hub_names import hub_repo


@pytest.mark.parametrize(
    ("name", "repo"),
    [
        ("owner/name", "owner/name"),
        ("hub:owner/name", "owner/name"),
        ("hub:pictures/name", "pictures/name"),
        ("pictures/no_such_folder", None),
        ("../name", None),
        ("./name", None),
        ("name", None),
        ("a/b/c", None),
        ("/name", None),
        ("hub:", None),
    ],
)
def test_a_name_below_a_folder_here_is_no_name_of_the_hub(
    name: str, repo: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    assert hub_repo(name) == repo
