"""Several sets in one training: repeats, shares, loss weights, regularisation; masks of images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from sakuga import InputError, studio
from sakuga.datasets.concepts import read_concepts
from sakuga.datasets.masks import read_masked
from sakuga.datasets.training_set import Example, SetError, digest, read_set
from sakuga.datasets.writing import write_set


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    for name, count in (("zora", 2), ("girls", 6)):
        images = [
            (Example(file=f"{place}.png", text=f"a girl {place}, zora"), np.full((16, 16, 3), place * 20 + count, np.uint8))
            for place in range(count)
        ]
        write_set(tmp_path / name, images, trigger="zora")
    return tmp_path


def concepts(folder: Path, text: str) -> Path:
    (folder / "concepts.toml").write_text(text)
    return folder / "concepts.toml"


def test_concepts_have_repeats_and_loss_weights(sets: Path) -> None:
    file = concepts(sets, '[[concept]]\nset = "zora"\nrepeats = 3\n[[concept]]\nset = "girls"\nregularisation = true\nloss_weight = 0.5\n')
    found = read_concepts(file)
    assert [(one.repeats, one.loss_weight, "zora" in one.text) for one in found.examples] == [(3, 1.0, True)] * 2 + [(1, 0.5, False)] * 6
    assert found.trigger == "zora"
    assert all(found.path(one).is_file() for one in found.examples)
    assert digest(found) != digest(read_concepts(concepts(sets, file.read_text().replace("0.5", "0.6"))))


def test_shares_become_repeats(sets: Path) -> None:
    file = concepts(sets, '[[concept]]\nset = "zora"\nshare = 0.5\n[[concept]]\nset = "girls"\nshare = 0.5\ntrigger = "lass"\n')
    found = read_concepts(file)
    assert [one.repeats for one in found.examples] == [3, 3] + [1] * 6
    assert found.trigger == "zora, lass"
    assert found.examples[-1].text == "a girl 5, lass"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "concept"),
        ('[[concept]]\nset = "nowhere"\n', "concept 1: .*nowhere"),
        ('[[concept]]\nset = "zora"\nweight = 2\n', "keys are set, repeats, share, loss_weight"),
        ('[[concept]]\nset = "zora"\nrepeats = 0\n', "concept.1.repeats"),
        ('[[concept]]\nset = "zora"\nshare = 0.5\n[[concept]]\nset = "girls"\n', "give every concept a share"),
        ("[[concept]\n", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(sets: Path, text: str, sentence: str) -> None:
    with pytest.raises(SetError, match=sentence):
        read_concepts(concepts(sets, text))


def picture(folder: Path, name: str, size: tuple[int, int] = (24, 16), grey: int = 90, mode: str = "RGB") -> None:
    folder.mkdir(exist_ok=True)
    PILImage.new(mode, size, (grey,) * len(mode) if len(mode) > 1 else grey).save(folder / name)


def test_masks_beside_their_images_become_the_alpha_channel_and_are_cropped_with_them(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for name in ("a", "b"):
        picture(folder, f"{name}.png")
    mask = np.zeros((32, 48), np.uint8)
    mask[:, :24] = 255
    PILImage.fromarray(mask).save(folder / "a-masklabel.png")
    studio.build_set(folder, tmp_path / "set").result()
    found = read_set(tmp_path / "set")
    assert (found.masks, len(found.examples)) == (True, 2)
    image, read = read_masked(found.path(found.examples[0]))
    assert (image.shape, read[:, :8].min(), read[:, 16:].max()) == ((16, 24, 3), 255, 0)
    assert read_masked(found.path(found.examples[1]))[1].min() == 255
    studio.crop_set(tmp_path / "set", tmp_path / "cropped", size=16, focus="centre").result()
    cropped = read_set(tmp_path / "cropped")
    image, read = read_masked(cropped.path(cropped.examples[0]))
    assert cropped.masks
    assert (image.shape, int(image.max()), read[:, 0].min(), read[:, -1].max()) == ((16, 16, 3), 90, 255, 0)


def test_an_alpha_channel_is_a_mask_if_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    pixels = np.full((16, 16, 4), 70, np.uint8)
    pixels[:8, :, 3], pixels[8:, :, 3] = 255, 0
    PILImage.fromarray(pixels).save(folder / "a.png")
    studio.build_set(folder, tmp_path / "set", alpha_masks=True).result()
    found = read_set(tmp_path / "set")
    image, mask = read_masked(found.path(found.examples[0]))
    assert (int(image.min()), int(image.max()), mask[:8].min(), mask[8:].max()) == (70, 70, 255, 0)
    picture(folder, "b.png")
    with pytest.raises(InputError, match="has no alpha channel"):
        studio.build_set(folder, tmp_path / "other", alpha_masks=True).result()


def test_black_masks_and_masks_of_another_shape_are_refused(tmp_path: Path) -> None:
    for name, size, grey, sentence in (("black", (24, 16), 0, "is all black"), ("shape", (16, 16), 255, "in the shape of the image")):
        folder = tmp_path / name
        picture(folder, "a.png")
        picture(folder, "a-mask.png", size, grey, "L")
        with pytest.raises(InputError, match=sentence):
            studio.build_set(folder, tmp_path / f"{name}-set").result()
