"""Any images become a set; unreadable images are named, and limited in number."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import studio
from sakuga.datasets.hub import find_hub_images
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.training_set import SetError, TrainingSet, read_set


@pytest.fixture
def mixed_folder(tmp_path: Path) -> Path:
    """A folder of images of every kind, two of them damaged."""
    folder = tmp_path / "mixed_folder"
    folder.mkdir()
    plain = Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 16, 3), np.uint8))
    exif = plain.getexif()
    exif[0x0112] = 6
    plain.save(folder / "upright.jpg", exif=exif)
    plain.convert("CMYK").save(folder / "cmyk.jpg")
    plain.quantize(8).save(folder / "palette.gif", save_all=True, append_images=[plain.convert("L").quantize(8)])
    Image.fromarray(np.full((12, 16), 65535, np.uint16)).save(folder / "deep.png")
    Image.new("RGBA", (16, 12), (0, 0, 0, 0)).save(folder / "clear.png")
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.jpg").write_bytes((folder / "cmyk.jpg").read_bytes()[:200])
    return folder


def test_every_image_becomes_upright_rgb_png_and_unreadable_ones_are_named(mixed_folder: Path, tmp_path: Path) -> None:
    result = studio.build_set(mixed_folder, tmp_path / "set", caption="a mess.", trigger="ink", licence="CC0-1.0").result()
    read = read_set(tmp_path / "set")
    assert (result.images, result.captioned) == (5, 5)
    assert sorted(reason.split()[0] for reason in result.skipped) == ["cut.jpg", "empty.png"]
    assert str(tmp_path) not in json.dumps(result.skipped)
    assert [Path(example.file).name for example in read.examples] == [
        "0001-clear.png", "0002-cmyk.png", "0003-deep.png", "0004-palette.png", "0005-upright.png",
    ]  # fmt: skip
    assert {example.text for example in read.examples} == {"a mess, ink"}
    assert {example.licence for example in read.examples} == {"CC0-1.0"}
    assert [example.source for example in read.examples][4] == "upright.jpg"
    images = [read_image(read.path(example)).image for example in read.examples]
    assert [image.shape for image in images] == [(12, 16, 3)] * 4 + [(16, 12, 3)]
    assert (images[0].min(), images[2].min()) == (255, 255)
    assert any("2 images are left out" in note for note in result.notes)
    assert any("become white" in note for note in result.notes)
    assert "the trigger word 'ink' was added to 5 captions" in result.notes


def test_missing_captions_and_licences_are_noted(mixed_folder: Path, tmp_path: Path) -> None:
    (mixed_folder / "deep.txt").write_text("paper, Ink")
    result = studio.build_set(mixed_folder, tmp_path / "set", source="my sketchbook").result()
    assert result.captioned == 1
    assert any(note.startswith("4 images have no caption (0001-clear.png") for note in result.notes)
    assert any("5 images have no known licence" in note for note in result.notes)
    assert {example.source for example in read_set(result.out).examples} == {"my sketchbook"}
    card = (result.out / "README.md").read_text()
    assert "| unknown | 5 |" in card
    assert "| my sketchbook | 5 |" in card


def test_too_many_unreadable_images_are_an_error_and_leave_nothing(mixed_folder: Path, tmp_path: Path) -> None:
    for index in range(3):
        (mixed_folder / f"bad{index}.png").write_bytes(b"no image")
    with pytest.raises(SetError, match=r"5 of 10 images cannot be read, too many"):
        studio.build_set(mixed_folder, tmp_path / "set").result()
    assert not (tmp_path / "set").exists()
    for path in mixed_folder.glob("*"):
        path.write_bytes(b"")
    with pytest.raises(SetError, match="10 of 10"):
        studio.build_set(mixed_folder, tmp_path / "set").result()


def test_one_image_is_accepted_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "one" / "a.png")
    result = studio.build_set(tmp_path / "one", tmp_path / "set").result()
    assert any("a set of one image" in note for note in result.notes)
    with pytest.raises(SetError, match="exists already"):
        studio.build_set(tmp_path / "one", tmp_path / "set")


def test_a_set_is_not_built_into_another(mixed_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SetError, match="is a training set already"):
        built(built(mixed_folder, tmp_path / "a").folder, tmp_path / "b")


def built(source: Path, out: Path) -> TrainingSet:
    studio.build_set(source, out, caption="x", licence="MIT").result()
    return read_set(out)


def test_a_hub_dataset_brings_images_captions_and_held_out_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Load a local folder in place of a hub dataset; the library treats both alike."""
    pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for part, colours in (("train", ["red", "green"]), ("test", ["blue"])):
        (tmp_path / "there" / part).mkdir(parents=True)
        rows = [{"file_name": f"{colour}.png", "prompt": f"all {colour}", "width": 9} for colour in colours]
        (tmp_path / "there" / part / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
        for colour in colours:
            Image.new("RGB", (9, 9), colour).save(tmp_path / "there" / part / f"{colour}.png")
    notes: list[str] = []
    (tmp_path / "into").mkdir()
    found = list(find_hub_images(str(tmp_path / "there"), tmp_path / "into", notes))
    assert [(image.name, image.text, image.held_out) for image in found] == [
        ("red.png", "all red", False), ("green.png", "all green", False), ("blue.png", "all blue", True),
    ]  # fmt: skip
    assert found[2].source.endswith("there, test row 1")
    assert read_image(found[0].path).image[0, 0].tolist() == [255, 0, 0]
    assert {note.split(": ")[-1] for note in notes} == {"width"}


def test_a_hub_id_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SetError, match="owner/none: there is no such folder or table, and the Hugging Face hub has none"):
        studio.build_set("owner/none", tmp_path / "set").result()
    with pytest.raises(SetError, match="no such folder or table"):
        studio.build_set("none", tmp_path / "set")


def test_without_the_library_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(SetError, match=r"pip install 'sakuga\[hub\]'"):
        studio.build_set("owner/none", tmp_path / "set").result()


def test_splitting_holds_out_images(mixed_folder: Path, tmp_path: Path) -> None:
    built(mixed_folder, tmp_path / "a")
    result = studio.split_set(tmp_path / "a", tmp_path / "b", holdout=0.4, seed=3).result()
    assert (result.training, result.held_out) == (3, 2)
    read = read_set(tmp_path / "b")
    assert {example.file.split("/")[0] for example in read.held_out} == {"test"}
    assert "2 held out by seed 3" in read.provenance
    before = {Path(e.file).name: e.text for e in read_set(tmp_path / "a").examples}
    assert {Path(e.file).name: e.text for e in read.examples} == before
