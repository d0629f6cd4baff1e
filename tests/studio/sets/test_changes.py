"""Sets made of sets: what is asked for comes of it, the first set stays as it was, and odd wishes are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from sakuga.datasets.training_set import SetError, TrainingSet, digest, read_set
from sakuga.datasets.writing import write_set
from sakuga.studio import balance_set, draw_style_set


@pytest.fixture(scope="module")
def few_faces(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    folder = tmp_path_factory.mktemp("sets") / "few-faces"
    draw_style_set("flat", folder, count=8, portraits=1, figures=1, size=(32, 32), seed=2).result()
    return read_set(folder)


def test_balancing_by_repeats_tells_before_and_after(few_faces: TrainingSet, tmp_path: Path) -> None:
    before = digest(few_faces)
    steps = list(work := balance_set(few_faces.folder, tmp_path / "new", portraits=2, landscapes=1))
    made = work.result()
    assert made.before == {"landscape": 6, "portrait": 1, "figure": 1}
    assert made.after == {"portrait": 12, "landscape": 6, "figure": 1}
    assert (made.pictures, made.by) == (8, "repeats")
    assert "seen 12 times" in made.notes[0]
    assert made.notes[0] in [step.note for step in steps]
    read = read_set(tmp_path / "new")
    assert read.provenance == f"{few_faces.provenance}; then balanced by repeats to 2 portrait to 1 landscape"
    assert read.trigger == few_faces.trigger
    assert digest(read_set(few_faces.folder)) == before


def test_balancing_by_selection_leaves_pictures_out(few_faces: TrainingSet, tmp_path: Path) -> None:
    made = balance_set(few_faces.folder, tmp_path / "new", portraits=1, landscapes=2, figures=0, by="selection").result()
    assert (made.after, made.pictures, made.notes) == ({"landscape": 2, "portrait": 1}, 3, ())


def test_balancing_tells_what_pictures_are_of_where_no_row_says_it(few_faces: TrainingSet, tmp_path: Path) -> None:
    unsaid = [(replace(example, composition=None), few_faces.path(example)) for example in few_faces.examples]
    write_set(tmp_path / "unsaid", unsaid, trigger="", licence="MIT", provenance="")
    steps = list(balance_set(tmp_path / "unsaid", tmp_path / "new", portraits=1, landscapes=1))
    assert any("no row says what 8 of the pictures are of; it is told" in step.note for step in steps)
    told = {example.text: example.composition for example in read_set(tmp_path / "new").examples}
    assert all(told.values())
    assert sum(told[example.text] == example.composition for example in few_faces.examples) >= 6


def test_balancing_wants_a_way_and_a_ratio(few_faces: TrainingSet, tmp_path: Path) -> None:
    with pytest.raises(SetError, match="repeats, selection"):
        balance_set(few_faces.folder, tmp_path / "new", portraits=1, by="magic")
    with pytest.raises(SetError, match="say a ratio"):
        balance_set(few_faces.folder, tmp_path / "new").result()
    with pytest.raises(SetError, match="is there already"):
        balance_set(few_faces.folder, few_faces.folder, portraits=1).result()
