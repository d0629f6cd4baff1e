"""A clip as a sheet of images, and as a folder."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga.export import ExportError, read_recipe, write
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given


def clip(count: int, width: int = 6, height: int = 4) -> Clip:
    levels = (np.full((height, width, 3), 2 * place, np.uint8) for place in range(count))
    return Clip(frames=tuple(Frame(image=each, spec=Given(image="")) for each in levels), rate=Fraction(8), recipe="recipe")


def test_every_sprite_is_where_the_json_says(tmp_path: Path) -> None:
    moving = clip(7)
    held = Clip(frames=(moving.frames[0], *moving.frames, moving.frames[6]), rate=moving.rate, recipe="recipe")
    write(held, tmp_path / "hop.sheet.png")
    layout = json.loads((tmp_path / "hop.sheet.json").read_text())
    with Image.open(tmp_path / "hop.sheet.png") as image:
        assert layout["meta"]["image"] == "hop.sheet.png"
        assert (layout["meta"]["size"]["w"], layout["meta"]["size"]["h"]) == image.size
        assert len(layout["frames"]) == 7
        for place, frame in enumerate(layout["frames"]):
            x, y, w, h = frame["frame"].values()
            sprite = np.asarray(image)[y : y + h, x : x + w]
            assert np.array_equal(sprite, moving.frames[place].image)
    assert [frame["duration"] for frame in layout["frames"]] == [250, 125, 125, 125, 125, 125, 250]
    assert read_recipe(tmp_path / "hop.sheet.png") == "recipe"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_sheet_larger_than_engines_take_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="16384"):
        write(clip(2, width=16_400), tmp_path / "wide.sheet.png")
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("count", [5, 40, 100])
def test_a_contact_sheet_shows_forty_frames_at_most(tmp_path: Path, count: int) -> None:
    written = write(clip(count), tmp_path / "hop.contact.png")
    with Image.open(written.path) as image:
        assert image.size[::-1] == (-(-min(count, 40) // 6) * 8 + 4, 6 * 10 + 4)
        last = (min(count, 40) - 1) % 6
        shown = np.asarray(image)
    assert shown[-5, 4 + last * 10, 0] == 2 * (count - 1)


def test_a_contact_sheet_shows_a_held_image_once(tmp_path: Path) -> None:
    moving = clip(3)
    held = replace(moving, frames=tuple(frame for frame in moving.frames for _ in range(30)))
    for name, shown in (("held", held), ("moving", moving)):
        write(shown, tmp_path / f"{name}.contact.png")
    sheets = [np.asarray(Image.open(tmp_path / f"{name}.contact.png")) for name in ("held", "moving")]
    assert np.array_equal(*sheets)


def test_a_name_without_suffix_is_a_folder_of_frames(tmp_path: Path) -> None:
    written = write(clip(3), tmp_path / "hop")
    assert [path.name for path in sorted((tmp_path / "hop").iterdir())] == ["0001.png", "0002.png", "0003.png"]
    assert written.bytes == sum(path.stat().st_size for path in (tmp_path / "hop").iterdir())
    assert write(clip(3), tmp_path / "hop").frames == 3
    with pytest.raises(ExportError, match="no frame of this clip of 2"):
        write(clip(2), tmp_path / "hop")
