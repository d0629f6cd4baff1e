"""A training set is written atomically, read back equal, and readable elsewhere."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga.datasets.image_reading import read_image
from sakuga.datasets.training_set import Example, SetError, TrainingSet, digest, read_set, written_digest
from sakuga.datasets.writing import image_name, write_set, write_set_steps

TEXTS = ("a red castle, ink", 'a boat, "at" sea, ink', "ein Schloß\nam See, ink")


def images(held_out: int = 0) -> Iterator[tuple[Example, np.ndarray]]:
    for index, text in enumerate(TEXTS):
        example = Example(
            file=image_name(index + 1, f"train {index}.jpg"),
            text=text,
            source="my own",
            licence="CC0-1.0" if index else "MIT",
            composition="landscape" if index else "portrait",
            seed=index or None,
            held_out=index < held_out,
        )
        yield example, np.full((24 + index, 32, 3), 60 * index, np.uint8)


def written(folder: Path, held_out: int = 0) -> TrainingSet:
    return write_set(folder, images(held_out), trigger="ink", licence="MIT", provenance="made for a test")


@pytest.mark.parametrize("held_out", [0, 1, 3])
def test_a_written_set_is_read_back(tmp_path: Path, held_out: int) -> None:
    training_set = written(tmp_path / "set", held_out)
    read = read_set(tmp_path / "set")
    assert read == training_set
    assert (read.name, read.trigger, read.provenance) == ("set", "ink", "made for a test")
    assert sorted(example.text for example in read.examples) == sorted(TEXTS)
    assert (len(read.training), len(read.held_out)) == (3 - held_out, held_out)
    assert digest(read) == digest(training_set) == written_digest(tmp_path / "set")
    for example, image in images(held_out):
        (found,) = (other for other in read.examples if other.text == example.text)
        assert np.array_equal(read_image(read.path(found)).image, image)
        assert replace(found, file=example.file) == example


@pytest.mark.parametrize("held_out", [0, 1])
def test_the_datasets_library_reads_it(tmp_path: Path, held_out: int) -> None:
    """Compare all images and captions, although file names contain "train"; held-out ones are separate."""
    datasets = pytest.importorskip("datasets")
    written(tmp_path / "set", held_out)
    read = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert list(read) == ["train", "test"][: 1 + held_out]
    assert [text for part in read.values() for text in part["text"]] == [*TEXTS[held_out:], *TEXTS[:held_out]]
    assert read["train"]["licence"] == ["MIT", "CC0-1.0", "CC0-1.0"][held_out:]
    assert read["train"][0]["image"].size == (32, 24 + held_out)


def test_the_digest_changes_with_captions_images_and_trigger(tmp_path: Path) -> None:
    training_set = written(tmp_path / "set")
    before = digest(training_set)
    rows = tmp_path / "set" / "metadata.jsonl"
    text = rows.read_text()
    rows.write_text(text.replace("red castle", "green castle"))
    assert digest(read_set(training_set.folder)) != before == written_digest(training_set.folder)
    rows.write_text(text)
    assert digest(read_set(training_set.folder)) == before
    Image.new("RGB", (9, 9)).save(training_set.path(training_set.examples[0]))
    assert digest(read_set(training_set.folder)) != before
    assert digest(replace(training_set, trigger="pen")) != digest(training_set)


def test_a_row_without_licence_takes_that_of_the_set(tmp_path: Path) -> None:
    training_set = written(tmp_path / "set")
    Image.new("RGB", (9, 9)).save(tmp_path / "set" / "mine.png")
    with (tmp_path / "set" / "metadata.jsonl").open("a") as rows:
        rows.write('\n{"file_name": "mine.png", "text": "a whale, ink"}\n')
    assert read_set(training_set.folder).examples[3] == Example(file="mine.png", text="a whale, ink", licence="MIT")


def test_the_card_names_the_contents(tmp_path: Path) -> None:
    training_set = written(tmp_path / "set", 1)
    card = (training_set.folder / "README.md").read_text()
    for text in (
        "3, 2 for training and 1 held out",
        "32 x 24 pixels to 32 x 26",
        "`ink`",
        "| CC0-1.0 | 2 |",
        "| MIT | 1 |",
        "| my own | 3 |",
    ):
        assert text in card
    assert card.startswith("---\nlicense: other\n")
    assert "2 landscape, 1 portrait" in card
    assert "made for a test" in card
    with Image.open(training_set.folder / "strip.webp") as contact_sheet:
        assert contact_sheet.height == 128


def test_a_set_is_written_completely_or_not_at_all(tmp_path: Path) -> None:
    writing = write_set_steps(tmp_path / "set", images())
    assert [next(writing), next(writing)] == [1, 2]
    writing.close()
    assert list(tmp_path.iterdir()) == []

    def failing() -> Iterator[tuple[Example, np.ndarray]]:
        yield next(images())
        raise SetError("the second is no image")

    with pytest.raises(SetError, match="second"):
        write_set(tmp_path / "set", failing())
    with pytest.raises(SetError, match=r"would have no images"):
        write_set(tmp_path / "set", [])
    with pytest.raises(SetError, match=r"would be named 0001-0\.png"):
        write_set(tmp_path / "set", [next(images()), next(images())])
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    written(tmp_path / "set")
    with pytest.raises(SetError, match="exists already"):
        written(tmp_path / "set")
    with pytest.raises(SetError, match="cannot be written"):
        written(Path("/proc/none/set"))


def test_images_from_files_are_copied_byte_for_byte(tmp_path: Path) -> None:
    training_set = written(tmp_path / "set")
    first = training_set.examples[0]
    copied = write_set(tmp_path / "copy", [(first, training_set.path(first))])
    assert copied.path(copied.examples[0]).read_bytes() == training_set.path(first).read_bytes()


def a_row(**changes: object) -> str:
    row = {"file_name": "images/0001-0.png", "text": "a castle"} | changes
    return json.dumps({key: value for key, value in row.items() if value is not None}) + "\n"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (a_row(txet="a castle"), r"metadata.jsonl line 1: txet: unknown key; did you mean 'text'\?"),
        (a_row(whatever=1), r"whatever: unknown key; there are file_name, text"),
        ("\n" + a_row(text=None), "line 2: text: is missing"),
        (a_row(text=3), "line 1: text: input should be a valid string, not 3"),
        (a_row(composition="face"), "'portrait', 'figure', 'landscape' or '', not 'face'"),
        (a_row(seed=-2), "seed: input should be greater than or equal to -1"),
        (a_row(file_name="images/0009.png"), "line 1: there is no image images/0009.png"),
        (a_row(file_name="../0001-0.png"), "below the row's folder"),
        (a_row(file_name="/etc/hostname"), "below the row's folder"),
        (a_row() + a_row(), "two rows name images/0001-0.png"),
        ('{"file_name": \n', "line 1 is not JSON"),
        ("[1]\n", "line 1: the row: "),
        ("\n", "names an image"),
        ("caf\xe9".encode("latin-1"), "UTF-8"),
    ],
)
def test_invalid_rows_are_refused_with_their_line(tmp_path: Path, rows: str | bytes, message: str) -> None:
    written(tmp_path / "set")
    (tmp_path / "set" / "metadata.jsonl").write_bytes(rows.encode() if isinstance(rows, str) else rows)
    with pytest.raises(SetError, match=message):
        read_set(tmp_path / "set")


def test_a_folder_that_is_no_set_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SetError, match="there is no such folder"):
        read_set(tmp_path / "absent")
    with pytest.raises(SetError, match="sakuga data build"):
        read_set(tmp_path)
    training_set = written(tmp_path / "set", 1)
    (training_set.folder / "metadata.jsonl").write_text(a_row())
    with pytest.raises(SetError, match="both name images"):
        read_set(training_set.folder)
    (training_set.folder / "set.toml").write_text('nmae = "x"\n')
    with pytest.raises(SetError, match=r"set.toml: name: is missing|nmae"):
        read_set(training_set.folder)
    (training_set.folder / "set.toml").write_text("name = \n")
    with pytest.raises(SetError, match=r"set\.toml cannot be read"):
        read_set(training_set.folder)
