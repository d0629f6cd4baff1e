"""Rendered sets match their request; impossible requests are refused."""

from pathlib import Path

import pytest

from sakuga import InputError
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.training_set import SetError, read_set, written_digest
from sakuga.studio import render_style_set, render_subject_set


def test_a_style_set_is_a_training_set_with_true_compositions(tmp_path: Path) -> None:
    steps = list(work := render_style_set("comic", tmp_path / "set", count=6, portraits=3, figures=1, size=(48, 32), seed=4))
    assert [(step.done, step.total) for step in steps] == [(done, 6) for done in range(1, 7)]
    result, read = work.result(), read_set(tmp_path / "set")
    assert result.compositions == {"portrait": 3, "landscape": 2, "figure": 1}
    assert (result.images, result.trigger) == (6, read.trigger)
    for example in read.examples:
        assert example.text.count(read.trigger) == 1
        assert (example.source, example.licence) == ("the Sketchbook's world", "MIT")
        assert read_image(read.path(example)).image.shape == (32, 48, 3)
    assert "seed 4" in read.provenance


def test_the_same_seed_renders_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        render_style_set("pixel", tmp_path / name, count=3, size=(32, 32), seed=7).result()
    render_style_set("pixel", tmp_path / "c", count=3, size=(32, 32), seed=8).result()
    first, again, other = (written_digest(tmp_path / name) for name in ("a", "b", "c"))
    assert first == again != other


def test_two_images_in_three_are_portraits_by_default(tmp_path: Path) -> None:
    assert render_style_set("flat", tmp_path / "set", count=6, size=(32, 32)).result().compositions["portrait"] == 4


def test_a_subject_set_comes_with_a_set_of_its_class(tmp_path: Path) -> None:
    result = render_subject_set("character", tmp_path / "her", count=3, class_images=4, trigger="sks girl", size=(32, 32)).result()
    assert result.class_set == tmp_path / "her-class"
    own, others = read_set(tmp_path / "her"), read_set(tmp_path / "her-class")
    assert (len(own.examples), len(others.examples)) == (3, 4)
    assert all("sks girl" in example.text for example in own.examples)
    assert not any("sks" in example.text for example in others.examples)
    assert others.trigger == ""


def test_a_subject_set_may_have_no_class_set(tmp_path: Path) -> None:
    result = render_subject_set("whale", tmp_path / "it", count=2, size=(32, 32)).result()
    assert (result.trigger, result.class_set) == ("<whale>", None)
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"style": "oil"}, "the looks flat, watercolor"),
        ({"count": 0}, "choose 1 to"),
        ({"count": 4, "portraits": 3, "figures": 2}, "do not fit into 4"),
        ({"portraits": -1}, "do not fit"),
        ({"size": (8, 8)}, "choose 32 to"),
        ({"size": (400, 64)}, "up to 4:1"),
    ],
)
def test_impossible_style_sets_are_refused(tmp_path: Path, wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        render_style_set(out=tmp_path / "set", **{"style": "cel", "count": 9} | wrong)  # type: ignore[arg-type]


def test_impossible_subject_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="subjects are character, balloon, whale"):
        render_subject_set("none", tmp_path / "set")
    with pytest.raises(InputError, match="class images"):
        render_subject_set("whale", tmp_path / "set", class_images=-1)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").touch()
    with pytest.raises(SetError, match="exists already"):
        render_subject_set("whale", tmp_path / "set").result()
