"""A set is masked: masks are the alpha channel, images and captions stay."""

from pathlib import Path

import numpy as np
import pytest

from sakuga import InputError, studio
from sakuga.datasets.masks import read_masked
from sakuga.datasets.training_set import Example, read_set
from sakuga.datasets.writing import write_set


def test_masks_become_the_alpha_channel(tmp_path: Path) -> None:
    image = np.full((48, 64, 3), 200, np.uint8)
    image[16:40, 24:48] = (200, 30, 30)
    plain = np.full((48, 64, 3), 90, np.uint8)
    rows = [(Example(file=f"images/{place}.png", text="a box"), one) for place, one in enumerate((image, plain))]
    write_set(tmp_path / "set", rows, trigger="zk")
    made = studio.mask_set(tmp_path / "set", tmp_path / "masked").result()
    assert (made.images, made.whole) == (2, ("images/1.png",))
    masked = read_set(tmp_path / "masked")
    assert (masked.masks, masked.trigger, masked.examples[0].text) == (True, "zk", "a box")
    assert masked.provenance.endswith("masked by subject")
    colors, mask = read_masked(masked.path(masked.examples[0]))
    assert np.array_equal(colors, image)
    assert (mask[20:36, 28:44] == 255).all()
    assert mask[4, 4] == 0
    again = studio.mask_set(tmp_path / "masked", tmp_path / "again", by="face").result()
    assert len(again.whole) == 2
    assert np.array_equal(read_masked(tmp_path / "again" / "images" / "0.png")[0], image), "colors under a mask are kept"


def test_another_finder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a mask cannot be found by 'dog': use face or subject"):
        studio.mask_set(tmp_path, tmp_path / "masked", by="dog")
