"""Captions of a whole set, edited and counted; images in two sets."""

from pathlib import Path

import numpy as np
import pytest

from sakuga import InputError, studio
from sakuga.datasets.training_set import Example, read_set
from sakuga.datasets.writing import write_set

TEXTS = ("a red boat, sea, ink", "a red tree, night, ink", "")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    images = [
        (Example(file=f"{place}.png", text=text), rng.integers(0, 256, (24, 24, 3)).astype(np.uint8)) for place, text in enumerate(TEXTS)
    ]
    write_set(tmp_path / "set", images, trigger="ink")
    return tmp_path / "set"


def texts(folder: Path) -> list[str]:
    return [example.text for example in read_set(folder).examples]


def test_captions_are_replaced_then_tags_removed_and_added(made: Path, tmp_path: Path) -> None:
    result = studio.edit_captions(
        made, tmp_path / "new", replacements=["red =blue "], remove=["Sea"], add=["masterpiece"], first=True
    ).result()
    assert texts(tmp_path / "new") == ["masterpiece, a blue boat, ink", "masterpiece, a blue tree, night, ink", "masterpiece, ink"]
    assert result.changed == 3
    assert texts(made) == list(TEXTS)


def test_regular_expressions_replace_too(made: Path, tmp_path: Path) -> None:
    studio.edit_captions(made, tmp_path / "new", replacements=[r"a red (\w+)=one \1"], regex=True).result()
    assert texts(tmp_path / "new")[:2] == ["one boat, sea, ink", "one tree, night, ink"]


def test_a_removed_trigger_word_comes_back(made: Path, tmp_path: Path) -> None:
    studio.edit_captions(made, tmp_path / "new", remove=["ink"]).result()
    assert texts(tmp_path / "new") == ["a red boat, sea, ink", "a red tree, night, ink", "ink"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "nothing would change"),
        ({"replacements": ["red"]}, "write old=new"),
        ({"replacements": ["(=x"], "regex": True}, "no regular expression"),
    ],
)
def test_edits_that_say_nothing_are_refused(made: Path, tmp_path: Path, change: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        studio.edit_captions(made, tmp_path / "new", **change)  # type: ignore[arg-type]


def test_tags_are_counted(made: Path) -> None:
    found = studio.tag_statistics(made)
    assert (found.captions, found.empty, len(found.without_trigger)) == (3, 1, 1)
    assert (found.tags[0].tag, found.tags[0].captions) == ("ink", 2)


def test_images_in_two_sets_are_found(made: Path, tmp_path: Path) -> None:
    studio.edit_captions(made, tmp_path / "copy", add=["x"]).result()
    found = studio.shared_images([made, tmp_path / "copy"]).result()
    assert (found.images, len(found.groups)) == (6, 3)
    with pytest.raises(InputError, match="two sets or more"):
        studio.shared_images([made])
