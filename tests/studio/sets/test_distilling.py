"""A model draws a training set: no prompt again before all were drawn, seeds in the rows, and a stopped one goes on."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sakuga import InputError
from sakuga.datasets.image_reading import read_picture
from sakuga.datasets.training_set import SetError, digest, read_set
from sakuga.studio import DistilledSet, FilmSettings, Step, Work, distill_set
from sakuga.studio.animate.images import draw
from sakuga.studio.sets.distilling import drawn_lots

PROMPTS = ("a castle at night.", "a boat on the sea", "a tree on a hill")


@pytest.fixture
def tiny(tiny_v_folder: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    def distilled(out: str, count: int = 5, seed: int = 3, **more: object) -> Work[Step, DistilledSet]:
        settings = FilmSettings(model=str(tiny_v_folder), steps=2)
        return distill_set(PROMPTS, tmp_path / out, count=count, seed=seed, settings=settings, store=tmp_path / "frames", **more)  # type: ignore[arg-type]

    return distilled


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 9])
def test_no_prompt_is_drawn_again_before_all_were(count: int) -> None:
    lots = drawn_lots(PROMPTS, count, seed=0)
    assert len(lots) == count
    for start in range(0, count, 3):
        assert len(set(lots[start : start + 3])) == len(lots[start : start + 3])
    assert lots == drawn_lots(PROMPTS, count, seed=0)
    assert len({tuple(drawn_lots(PROMPTS, 9, seed)) for seed in range(8)}) > 1


def test_rows_keep_prompt_and_seed_and_draw_the_same_picture_again(tiny, tmp_path: Path, tiny_v_folder: Path) -> None:  # type: ignore[no-untyped-def]
    steps = list(work := tiny("set", trigger="ink style", licence="CC0-1.0"))
    made, read = work.result(), read_set(tmp_path / "set")
    assert (made.pictures, made.prompts, made.count.drawn, made.count.reused) == (5, 3, 5, 0)
    assert "5 pictures of 3 prompts: each is drawn 1 or 2 times" in [step.note for step in steps]
    assert [example.seed for example in read.examples] == [3, 4, 5, 6, 7]
    assert Counter(example.text for example in read.examples) == Counter(
        {f"{prompt.rstrip('.')}, ink style": times for prompt, times in Counter(drawn_lots(PROMPTS, 5, 3)).items()}
    )
    assert all((e.licence, e.source) == ("CC0-1.0", f"drawn by {tiny_v_folder.name}") for e in read.examples)
    assert str(tiny_v_folder.parent) not in (tmp_path / "set" / "README.md").read_text()
    third = read.examples[2]
    settings = FilmSettings(model=str(tiny_v_folder), steps=2, size=(32, 32))
    draw([drawn_lots(PROMPTS, 5, 3)[2]], tmp_path / "alone", seed=5, settings=settings, store=tmp_path / "other").result()
    alone = read_picture(tmp_path / "alone" / "0001.png").picture
    assert np.array_equal(read_picture(read.path(third)).picture, alone)


def test_what_was_drawn_before_a_stop_is_not_drawn_again(tiny, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    stopped = tiny("set", count=12)
    for step in stopped:
        if step.stage == "drawing" and step.done == 8:
            break
    stopped.close()
    assert not (tmp_path / "set").exists()
    made = tiny("set", count=12).result()
    assert (made.count.drawn, made.count.reused) == (4, 8)
    whole = tiny("again", count=12).result()
    assert whole.count.drawn == 0
    assert digest(read_set(tmp_path / "set")) == digest(read_set(tmp_path / "again"))


def test_a_prompt_written_twice_is_told_and_taken_once(tmp_path: Path, tiny_folder: Path) -> None:
    settings = FilmSettings(model=str(tiny_folder), steps=1)
    work = distill_set(["a cat", "a cat", "a dog"], tmp_path / "set", count=2, settings=settings, store=tmp_path / "frames")
    notes = [step.note for step in work]
    assert any("'a cat': each is taken as one" in note for note in notes)
    assert {example.text for example in read_set(tmp_path / "set").examples} == {"a cat", "a dog"}
    assert read_set(tmp_path / "set").licence == "unknown"


def test_nothing_to_draw_and_a_set_that_is_there_are_refused(tmp_path: Path, tiny) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="no prompt"):
        distill_set([], tmp_path / "set")
    with pytest.raises(InputError, match="choose 1 to"):
        distill_set(PROMPTS, tmp_path / "set", count=0)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "x").touch()
    with pytest.raises(SetError, match="is there already"):
        tiny("set").result()
