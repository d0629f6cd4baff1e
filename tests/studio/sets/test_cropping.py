"""Cropped sets: one size or buckets, captions and seeds kept, previews, invalid requests refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import InputError
from sakuga.datasets.buckets import BucketError
from sakuga.datasets.image_reading import read_image
from sakuga.datasets.training_set import Example, SetError, TrainingSet, digest, read_set
from sakuga.datasets.writing import write_set
from sakuga.studio import crop_set

SIZES = ((320, 160), (160, 320), (200, 200), (60, 60))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    rng = np.random.default_rng(0)
    images = [
        (
            Example(file=f"{index}.png", text=f"image {index}, ink", seed=index, composition="landscape"),
            rng.integers(0, 255, (height, width, 3), dtype=np.uint8),
        )
        for index, (width, height) in enumerate(SIZES)
    ]
    return write_set(tmp_path_factory.mktemp("mixed") / "set", images, trigger="ink", licence="MIT", provenance="made")


def test_buckets_keep_shapes_and_captions(mixed: TrainingSet, tmp_path: Path) -> None:
    before = digest(mixed)
    result = crop_set(mixed.folder, tmp_path / "new", size=128, bucketed=True).result()
    assert result.sizes == {"128x128": 2, "176x88": 1, "88x176": 1}
    assert (result.images, result.cut, result.lost, result.enlarged) == (4, 0, 0.0, 1)
    assert "1 image is smaller" in result.notes[0]
    read = read_set(tmp_path / "new")
    assert read.examples == mixed.examples
    assert read_image(read.path(read.examples[0])).image.shape == (88, 176, 3)
    assert read.provenance == "made; then cropped to 33 sizes around 128"
    assert digest(mixed) == before


def test_without_buckets_all_are_square(mixed: TrainingSet, tmp_path: Path) -> None:
    result = crop_set(mixed.folder, tmp_path / "new", size=64).result()
    assert result.sizes == {"64x64": 4}
    assert (result.cut, result.lost) == (2, 0.25)
    assert any("more than 30%" in note for note in result.notes)
    read = read_set(tmp_path / "new")
    assert {read_image(read.path(example)).image.shape for example in read.examples} == {(64, 64, 3)}


def test_a_preview_alone_writes_no_set(mixed: TrainingSet, tmp_path: Path) -> None:
    result = crop_set(mixed.folder, size=64, preview=tmp_path / "look.png").result()
    assert result.out is None
    assert [path.name for path in tmp_path.iterdir()] == ["look.png"]
    with Image.open(tmp_path / "look.png") as image:
        assert image.size == (4 * 192 + 5 * 4, 192 + 2 * 4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"preview": None}, "nothing would be written"),
        ({"focus": "feet"}, "use face or centre"),
        ({"size": 4}, "use 16 to"),
        ({"step": 64}, "add --buckets"),
        ({"preview": "look.gif"}, "one image"),
    ],
)
def test_invalid_arguments_are_refused(mixed: TrainingSet, wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        crop_set(mixed.folder, **{"preview": "look.png"} | wrong)  # type: ignore[arg-type]


def test_a_size_without_buckets_and_a_set_that_is_there_are_refused(mixed: TrainingSet, tmp_path: Path) -> None:
    with pytest.raises(BucketError, match="choose 448 or 512"):
        crop_set(mixed.folder, tmp_path / "new", size=500, bucketed=True)
    with pytest.raises(SetError, match="exists already"):
        crop_set(mixed.folder, mixed.folder)
