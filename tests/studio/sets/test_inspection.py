"""Inspection of a real set with the Sketchbook's CLIP and tokenizer, and deduping."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from sakuga import InputError, studio
from sakuga.datasets.training_set import Example, TrainingSet, read_set
from sakuga.datasets.writing import image_name, write_set
from sakuga.sketchbook.scene import sample


@pytest.fixture(scope="module")
def flawed(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    """Ten landscapes and two portraits of the world, and four copies with a problem each."""
    images: list[tuple[str, np.ndarray, str]] = []
    for index in range(12):
        moment = sample(60_000_000 + index, portrait=index < 2).at(0.0)
        images.append((f"p{index}", moment.image(128, 128, "flat"), moment.captions(1)[0] + ", flat art"))
    image = images[5][1]
    images += [
        ("tiny", cv2.resize(image, (64, 64)), ""),
        ("blurred", cv2.GaussianBlur(images[6][1], (0, 0), 3), "a boat, a boat, flat art"),
        ("boxed", np.pad(images[7][1], ((20, 20), (0, 0), (0, 0))), "a castle " * 60),
        ("wide", np.concatenate([images[8][1], images[9][1], images[10][1]], 1), "a view, flat art"),
    ]
    examples = [(Example(file=image_name(n, name), text=text, licence="MIT"), pixels) for n, (name, pixels, text) in enumerate(images, 1)]
    return write_set(tmp_path_factory.mktemp("sets") / "flawed", examples, trigger="flat art")


@pytest.fixture(scope="module")
def result(flawed: TrainingSet) -> studio.InspectionResult:
    return studio.inspect_set(flawed.folder, html=flawed.folder.parent / "page.html").result()


def test_every_problem_is_found_and_nothing_else(result: studio.InspectionResult) -> None:
    found = {
        rule: [Path(file).stem.split("-", 1)[1] for file in result.inspection.files_with(rule)]
        for rule in ("small", "aspect", "blur", "border", "empty", "trigger", "tokens", "repetition", "watermark", "unreadable", "licence")
    }
    assert found == {
        "small": ["tiny"], "aspect": ["wide"], "blur": ["blurred"], "border": ["boxed"], "empty": ["tiny"], "trigger": ["boxed"],
        "tokens": ["boxed"], "repetition": ["blurred", "boxed"], "watermark": [], "unreadable": [], "licence": [],
    }  # fmt: skip
    groups = [finding.files for finding in result.inspection.findings if finding.rule == "duplicate"]
    assert ("images/0006-p5.png", "images/0013-tiny.png") in groups
    assert result.grade == "not ready"
    assert not result.inspection.changed


def test_images_cropped_to_their_bucket_are_not_small(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (112, 144, 3)).astype(np.uint8)
    examples = [(Example(file=image_name(n, "p"), text="a castle"), pixels[: 112 - lost]) for n, lost in ((1, 0), (2, 16))]
    made = write_set(tmp_path / "set", examples)
    result = studio.inspect_set(made.folder, size=128).result()
    assert result.inspection.files_with("small") == ["images/0002-p.png"]


def test_clip_classifies_images_without_composition(result: studio.InspectionResult) -> None:
    labels = result.inspection.compositions
    assert [labels[f"images/000{n}-p{n - 1}.png"] for n in (1, 2)] == ["portrait", "portrait"]
    assert list(labels.values()).count("landscape") >= 9
    assert result.inspection.label_sources.get("row", 0) == 0
    assert "another with --clip" in result.inspection.clip_note


def test_values_are_plain_and_the_text_ends_with_the_verdict(result: studio.InspectionResult) -> None:
    values = studio.inspection_values(result)
    assert (values["images"], values["found.small"], values["found.duplicate"], values["side.least"]) == (16, 1, 2, 64)
    assert sum(values[f"share.{kind}"] for kind in ("portrait", "figure", "landscape")) == pytest.approx(1.0)
    text = studio.inspection_text(result)
    assert "images/0013-tiny.png: has 64 x 64 pixels, less than the training resolution of 128" in text
    assert "verdict: not ready" in text.splitlines()


def test_the_page_is_self_contained(result: studio.InspectionResult) -> None:
    assert result.html
    page = result.html.read_text(encoding="utf-8")
    assert page.count("data:image/webp;base64,") > 16
    assert not re.findall(r"(?:src|href)=\"(?!data:)", page)
    for text in ("Near duplicates", "0013-tiny.png", "Caption findings", "prefers-color-scheme: dark"):
        assert text in page


def test_a_damaged_image_and_edited_rows_are_found(flawed: TrainingSet, tmp_path: Path) -> None:
    images = [(replace(example, composition="landscape"), flawed.path(example)) for example in flawed.examples[:3]]
    training_set = write_set(tmp_path / "set", images)
    training_set.path(training_set.examples[1]).write_bytes(b"")
    result = studio.inspect_set(training_set.folder).result()
    assert result.inspection.files_with("unreadable") == ["images/0002-p1.png"]
    assert result.inspection.changed
    assert result.inspection.label_sources == {"row": 2}
    assert str(tmp_path) not in studio.inspection_text(result)


def test_invalid_requests_are_refused(flawed: TrainingSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a training set"):
        studio.inspect_set(tmp_path)
    with pytest.raises(InputError, match="no checkpoint"):
        studio.inspect_set(flawed.folder, model="no/such/one")
    with pytest.raises(InputError, match=r"name it something\.html"):
        studio.inspect_set(flawed.folder, html=tmp_path / "page.txt")


def test_dedupe_keeps_the_best_of_each_group(flawed: TrainingSet, tmp_path: Path) -> None:
    deduped = studio.dedupe_set(flawed.folder, tmp_path / "new").result()
    assert deduped.left_out["images/0013-tiny.png"] == "images/0006-p5.png"
    assert deduped.left_out["images/0014-blurred.png"] == "images/0007-p6.png"
    read = read_set(tmp_path / "new")
    assert len(read.examples) == deduped.images == 16 - len(deduped.left_out)
    assert studio.dedupe_set(read.folder, tmp_path / "again").result().left_out == {}


def test_a_leaking_split_is_found(flawed: TrainingSet, tmp_path: Path) -> None:
    twins = [flawed.examples[5], flawed.examples[12]]
    training_set = write_set(
        tmp_path / "set", [(replace(e, held_out=index == 0, composition="landscape"), flawed.path(e)) for index, e in enumerate(twins)]
    )
    result = studio.inspect_set(training_set.folder).result()
    assert result.inspection.files_with("leak") == ["train/0013-tiny.png"]
    assert any("spoils evaluation" in remark.text for remark in result.remarks)
