"""The doctor looks through a real set with the Sketchbook's CLIP and tokenizer; dedupe leaves out what it found."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from sakuga import InputError, studio
from sakuga.datasets.training_set import Example, TrainingSet, read_set
from sakuga.datasets.writing import numbered, write_set
from sakuga.sketchbook.scene import sample


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    """Ten landscapes and two portraits of the world, and four copies with a fault each."""
    pictures: list[tuple[str, np.ndarray, str]] = []
    for place in range(12):
        moment = sample(60_000_000 + place, portrait=place < 2).at(0.0)
        pictures.append((f"p{place}", moment.picture(128, 128, "flat"), moment.captions(1)[0] + ", flat art"))
    picture = pictures[5][1]
    pictures += [
        ("tiny", cv2.resize(picture, (64, 64)), ""),
        ("blurred", cv2.GaussianBlur(pictures[6][1], (0, 0), 3), "a boat, a boat, flat art"),
        ("boxed", np.pad(pictures[7][1], ((20, 20), (0, 0), (0, 0))), "a castle " * 60),
        ("wide", np.concatenate([pictures[8][1], pictures[9][1], pictures[10][1]], 1), "a view, flat art"),
    ]
    examples = [(Example(file=numbered(n, name), text=text, licence="MIT"), pixels) for n, (name, pixels, text) in enumerate(pictures, 1)]
    return write_set(tmp_path_factory.mktemp("sets") / "doubtful", examples, trigger="flat art")


@pytest.fixture(scope="module")
def seen(doubtful: TrainingSet) -> studio.Inspected:
    return studio.inspect_set(doubtful.folder, html=doubtful.folder.parent / "page.html").result()


def test_every_fault_is_found_and_nothing_else(seen: studio.Inspected) -> None:
    found = {
        rule: [Path(file).stem.split("-", 1)[1] for file in seen.inspection.touched(rule)]
        for rule in ("small", "aspect", "blur", "border", "empty", "trigger", "tokens", "repetition", "watermark", "unreadable", "licence")
    }
    assert found == {
        "small": ["tiny"], "aspect": ["wide"], "blur": ["blurred"], "border": ["boxed"], "empty": ["tiny"], "trigger": ["boxed"],
        "tokens": ["boxed"], "repetition": ["blurred", "boxed"], "watermark": [], "unreadable": [], "licence": [],
    }  # fmt: skip
    groups = [finding.files for finding in seen.inspection.findings if finding.rule == "duplicate"]
    assert ("images/0006-p5.png", "images/0013-tiny.png") in groups
    assert seen.grade == "not ready"
    assert not seen.inspection.changed


def test_composition_is_told_by_clip_where_rows_do_not_say_it(seen: studio.Inspected) -> None:
    told = seen.inspection.compositions
    assert [told[f"images/000{n}-p{n - 1}.png"] for n in (1, 2)] == ["portrait", "portrait"]
    assert list(told.values()).count("landscape") >= 9
    assert seen.inspection.told_by.get("row", 0) == 0
    assert "another with --clip" in seen.inspection.judge


def test_values_are_plain_and_words_end_in_the_verdict(seen: studio.Inspected) -> None:
    values = studio.inspected_values(seen)
    assert (values["pictures"], values["found.small"], values["found.duplicate"], values["side.least"]) == (16, 1, 2, 64)
    assert sum(values[f"share.{kind}"] for kind in ("portrait", "figure", "landscape")) == pytest.approx(1.0)
    words = studio.inspected_words(seen)
    assert "images/0013-tiny.png: has 64 x 64 pixels, and a training sees 128" in words
    assert "verdict: not ready" in words.splitlines()


def test_the_page_holds_all_it_shows(seen: studio.Inspected) -> None:
    assert seen.html
    page = seen.html.read_text(encoding="utf-8")
    assert page.count("data:image/webp;base64,") > 16
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    for said in ("Near duplicates", "0013-tiny.png", "Doubts about captions", "prefers-color-scheme: dark"):
        assert said in page


def test_a_damaged_picture_and_changed_words_are_told(doubtful: TrainingSet, tmp_path: Path) -> None:
    pictures = [(replace(example, composition="landscape"), doubtful.path(example)) for example in doubtful.examples[:3]]
    made = write_set(tmp_path / "set", pictures)
    made.path(made.examples[1]).write_bytes(b"")
    looked = studio.inspect_set(made.folder).result()
    assert looked.inspection.touched("unreadable") == ["images/0002-p1.png"]
    assert looked.inspection.changed
    assert looked.inspection.told_by == {"row": 2}
    assert str(tmp_path) not in studio.inspected_words(looked)


def test_bad_asking_is_refused(doubtful: TrainingSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no training set"):
        studio.inspect_set(tmp_path).result()
    with pytest.raises(InputError, match="no checkpoint"):
        studio.inspect_set(doubtful.folder, model="no/such/one").result()
    with pytest.raises(InputError, match=r"name it something\.html"):
        studio.inspect_set(doubtful.folder, html=tmp_path / "page.txt").result()


def test_dedupe_keeps_the_best_of_each_group(doubtful: TrainingSet, tmp_path: Path) -> None:
    made = studio.dedupe_set(doubtful.folder, tmp_path / "new").result()
    assert made.left_out["images/0013-tiny.png"] == "images/0006-p5.png"
    assert made.left_out["images/0014-blurred.png"] == "images/0007-p6.png"
    read = read_set(tmp_path / "new")
    assert len(read.examples) == made.pictures == 16 - len(made.left_out)
    assert studio.dedupe_set(read.folder, tmp_path / "again").result().left_out == {}


def test_a_split_that_leaks_is_told(doubtful: TrainingSet, tmp_path: Path) -> None:
    twins = [doubtful.examples[5], doubtful.examples[12]]
    made = write_set(
        tmp_path / "set", [(replace(e, held_out=place == 0, composition="landscape"), doubtful.path(e)) for place, e in enumerate(twins)]
    )
    looked = studio.inspect_set(made.folder).result()
    assert looked.inspection.touched("leak") == ["train/0013-tiny.png"]
    assert any("no proof" in remark.text for remark in looked.remarks)
