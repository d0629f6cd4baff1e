"""A grid holds the images of `draw`, in rows and columns, and takes them from the store."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage

from sakuga import InputError, studio
from sakuga.finishing.labelled_grid import GAP, LINE, LINES, LONGEST, labelled_grid
from sakuga.rendering import resources
from sakuga.story.grid import parse_axis
from sakuga.story.settings import FilmSettings


def test_cells_are_the_images_of_draw_and_come_from_the_store(tmp_path: Path, tiny_folder: Path) -> None:
    settings, store = FilmSettings(model=str(tiny_folder), size=(32, 32)), tmp_path / "frames"
    made = studio.grid("a castle", ["steps=1,2", "seed=3,4"], tmp_path / "grid.png", settings=settings, store=store).result()
    assert (made.cells, made.generated, made.reused) == (4, 4, 0)
    sheet = np.asarray(PILImage.open(tmp_path / "grid.png"))
    for column, steps in enumerate((1, 2)):
        for row, seed in enumerate((3, 4)):
            one = studio.draw("a castle", seed=seed, settings=FilmSettings(model=str(tiny_folder), size=(32, 32), steps=steps), store=store)
            top, left = sheet.shape[0] - (2 - row) * (32 + GAP), sheet.shape[1] - (2 - column) * (32 + GAP)
            assert np.array_equal(sheet[top : top + 32, left : left + 32], one.result().images[0])
    again = studio.grid("a castle", ["steps=1,2", "seed=3,4"], tmp_path / "grid.png", settings=settings, store=store).result()
    assert (again.generated, again.reused) == (0, 4)


def test_all_cells_share_one_loaded_checkpoint(tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    load = resources._load
    monkeypatch.setattr(resources, "_load", lambda *given: loaded.append(given) or load(*given))
    settings = FilmSettings(model=str(tiny_folder), size=(32, 32), steps=1)
    studio.grid("a castle", ["seed=1,2", "guidance=1,3"], tmp_path / "grid.png", settings=settings, store=tmp_path / "frames").result()
    assert len(loaded) == 1


def test_models_along_an_axis_are_each_loaded_once(
    tmp_path: Path, tiny_folder: Path, tiny_v_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    load = resources._load
    monkeypatch.setattr(resources, "_load", lambda *given: loaded.append(given) or load(*given))
    axes, how = ["seed=1,2", f"model={tiny_folder},{tiny_v_folder}"], {"settings": FilmSettings(size=(32, 32), steps=1), "store": tmp_path}
    made = studio.grid("a castle", axes, tmp_path / "grid.png", **how).result()
    assert (made.generated, len(loaded)) == (4, 2)
    sheet = np.asarray(PILImage.open(tmp_path / "grid.png"))
    one = studio.draw("a castle", seed=2, settings=FilmSettings(model=str(tiny_v_folder), size=(32, 32), steps=1), store=tmp_path).result()
    assert np.array_equal(sheet[-32 - GAP : -GAP, -32 - GAP : -GAP], one.images[0])
    assert parse_axis(axes[1]).labels[0] == f"model {tiny_folder.name}"


def test_a_third_axis_makes_sheets(tmp_path: Path, tiny_folder: Path) -> None:
    settings = FilmSettings(model=str(tiny_folder), size=(32, 32), steps=1)
    axes = ["seed=1", "guidance=1,3", "sampler=Euler a,DPM++ 2M Karras"]
    made = studio.grid("a castle", axes, tmp_path / "grid.png", settings=settings, store=tmp_path / "frames").result()
    assert [path.name for path in made.sheets] == ["grid-1.png", "grid-2.png"]


def test_what_cannot_be_generated_is_refused_before_anything_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no style 'nothing'"):
        studio.grid("a castle", ["style=comic,nothing"], tmp_path / "grid.png")
    with pytest.raises(InputError, match="one to three axes"):
        studio.grid("a castle", [], tmp_path / "grid.png")
    with pytest.raises(InputError, match=r"written as .png"):
        studio.grid("a castle", ["steps=1"], tmp_path / "grid.gif")


def test_labels_that_differ_at_their_end_look_different() -> None:
    image = np.zeros((20, 60, 3), np.uint8)
    ones, others = (f"style watercolor:{weight}" for weight in ("0.5", "0.8"))
    beside = [labelled_grid([image], [""], [label]) for label in (ones, others)]
    above = [labelled_grid([image], [label], [""]) for label in (ones, others)]
    assert not np.array_equal(*beside)
    assert not np.array_equal(*above)


def test_labels_of_any_length_fit_a_sheet() -> None:
    image = np.zeros((20, 40, 3), np.uint8)
    sheet = labelled_grid([image, image], ["a very long label " * 9, "b"], ["a very long label " * 9])
    assert sheet.shape == (LINES * LINE + 2 * GAP + 20 + GAP, LONGEST + 2 * (40 + GAP), 3)
    assert (sheet[-20 - GAP : -GAP, LONGEST : LONGEST + 40] == 0).all()
