"""The style library reads cards of strangers in a moment."""

from pathlib import Path

import pytest

from sakuga.models.style_files import MAX_CARD
from sakuga.studio.styles.library import list_styles

HEADER = b'{"word":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}'
EMBEDDING = len(HEADER).to_bytes(8, "little") + HEADER + b"\0" * 4


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path))
    folder = tmp_path / "styles" / "ink"
    folder.mkdir(parents=True)
    (folder / "words.safetensors").write_bytes(EMBEDDING)
    return folder


def test_rows_of_a_card_are_its_figures_and_hostile_ones_take_no_time(folder: Path) -> None:
    (folder / "README.md").write_text(f"| name | value |\n|---|---|\n| style | 0.5 ± 0.1 |\n|{' ' * 300_000}\n|| x |\n| y | |\n")
    (found,) = (style for style in list_styles() if style.name == "ink")
    assert found.figures == {"name": "value", "style": "0.5 ± 0.1"}


def test_a_card_that_is_no_cards_size_is_left_out(folder: Path) -> None:
    (folder / "README.md").write_text("x" * (MAX_CARD + 1))
    (found,) = (style for style in list_styles() if style.name == "ink")
    assert (found.card, found.figures, found.words) == ("", {}, {"word": 1})
