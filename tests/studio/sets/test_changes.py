"""Derived sets: the ratio holds, the source is unchanged, invalid requests are refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from sakuga.datasets.training_set import SetError, TrainingSet, digest, read_set
from sakuga.datasets.writing import write_set
from sakuga.studio import balance_set, render_style_set


@pytest.fixture(scope="module")
def few_faces(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    folder = tmp_path_factory.mktemp("sets") / "few-faces"
    render_style_set("flat", folder, count=8, portraits=1, figures=1, size=(32, 32), seed=2).result()
    return read_set(folder)


def test_balancing_by_repeats_reports_before_and_after(few_faces: TrainingSet, tmp_path: Path) -> None:
    before = digest(few_faces)
    steps = list(work := balance_set(few_faces.folder, tmp_path / "new", portraits=2, landscapes=1))
    result = work.result()
    assert result.before == {"landscape": 6, "portrait": 1, "figure": 1}
    assert result.after == {"portrait": 12, "landscape": 6, "figure": 1}
    assert (result.images, result.by) == (8, "repeats")
    assert "used 12 times per epoch" in result.notes[0]
    assert result.notes[0] in [step.note for step in steps]
    read = read_set(tmp_path / "new")
    assert read.provenance == f"{few_faces.provenance}; then balanced by repeats to 2 portrait to 1 landscape"
    assert read.trigger == few_faces.trigger
    assert digest(read_set(few_faces.folder)) == before


def test_balancing_by_selection_leaves_images_out(few_faces: TrainingSet, tmp_path: Path) -> None:
    result = balance_set(few_faces.folder, tmp_path / "new", portraits=1, landscapes=2, figures=0, by="selection").result()
    assert (result.after, result.images, result.notes) == ({"landscape": 2, "portrait": 1}, 3, ())


def test_balancing_classifies_images_without_composition(few_faces: TrainingSet, tmp_path: Path) -> None:
    unlabeled = [(replace(example, composition=None), few_faces.path(example)) for example in few_faces.examples]
    write_set(tmp_path / "unlabeled", unlabeled, trigger="", licence="MIT", provenance="")
    steps = list(balance_set(tmp_path / "unlabeled", tmp_path / "new", portraits=1, landscapes=1))
    assert any("8 rows have no composition; classified" in step.note for step in steps)
    labels = {example.text: example.composition for example in read_set(tmp_path / "new").examples}
    assert all(labels.values())
    assert sum(labels[example.text] == example.composition for example in few_faces.examples) >= 6


def test_balancing_needs_a_method_and_a_ratio(few_faces: TrainingSet, tmp_path: Path) -> None:
    with pytest.raises(SetError, match="repeats or selection"):
        balance_set(few_faces.folder, tmp_path / "new", portraits=1, by="magic")
    with pytest.raises(SetError, match="the ratio is empty"):
        balance_set(few_faces.folder, tmp_path / "new")
    with pytest.raises(SetError, match="exists already"):
        balance_set(few_faces.folder, few_faces.folder, portraits=1)
