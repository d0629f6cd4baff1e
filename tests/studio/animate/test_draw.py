"""Single pictures: as many as asked, named in order, the same alone as in company."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import SakugaError, studio
from sakuga.datasets.clips import read_clip
from sakuga.studio import FilmSettings


@pytest.fixture
def settings(tiny_v_folder: Path) -> FilmSettings:
    return FilmSettings(model=str(tiny_v_folder), steps=2)


def test_a_picture_does_not_depend_on_its_company(tmp_path: Path, settings: FilmSettings) -> None:
    many = studio.draw(["a", "b"], tmp_path / "many", each=3, settings=settings, store=tmp_path / "one").result()
    alone = studio.draw(["b"], tmp_path / "alone", seed=2, settings=settings, store=tmp_path / "other").result()
    assert [path.name for path in many.pictures] == [f"{place:04d}.png" for place in range(1, 7)]
    assert many.pictures[5].read_bytes() == alone.pictures[0].read_bytes()


def test_pictures_are_added_behind_those_that_are_there(tmp_path: Path, settings: FilmSettings) -> None:
    out, given = tmp_path / "out", {"settings": settings, "store": tmp_path / "frames"}
    first = studio.draw(["a"], out, each=2, **given).result().pictures
    (out / "0007.jpg").write_bytes(b"somebody's own")
    kept = {path: path.read_bytes() for path in out.iterdir()}
    work = studio.draw(["b", "a"], out, each=2, **given)
    notes = [step.note for step in work if step.note]
    second = work.result().pictures
    assert f"{out} holds 3 numbered pictures: what is new begins at 0008.png" in notes
    assert [path.name for path in second] == ["0008.png", "0009.png", "0001.png", "0002.png"], "what is there already keeps its place"
    assert all(path.read_bytes() == data for path, data in kept.items())
    Image.open(first[0]).rotate(90).save(first[0])
    turned = first[0].read_bytes()
    again = studio.draw(["a"], out, each=2, **given).result().pictures
    assert [path.name for path in again] == ["0010.png", "0002.png"]
    assert first[0].read_bytes() == turned, "what a person changed is theirs"
    assert [path.name for path in studio.draw(["c", "c"], out, **given).result().pictures] == ["0011.png", "0012.png"]


def test_half_precision_draws_nearly_the_same_under_names_of_its_own(tmp_path: Path, settings: FilmSettings) -> None:
    store = tmp_path / "frames"
    whole, half = (
        studio.draw(["a"], tmp_path / str(precision), settings=replace(settings, precision=precision), store=store).result()
        for precision in (None, "bf16")
    )
    assert half.count.drawn == 1, "the whole one is no frame of this kind"
    assert whole.pictures[0].read_bytes() != half.pictures[0].read_bytes()
    apart = [np.asarray(Image.open(made.pictures[0]).convert("RGB"), float) for made in (whole, half)]
    assert np.abs(apart[0] - apart[1]).mean() < 5
    again = studio.remake(half.pictures[0], tmp_path / "again.png", model=settings.model, store=store).result()
    assert again.drawn == 0, "its recipe says how precise it is"


def test_a_clip_is_not_written_among_drawn_pictures(tmp_path: Path, settings: FilmSettings) -> None:
    drawn = studio.draw(["a"], tmp_path / "out", settings=settings, store=tmp_path / "frames").result().pictures[0].read_bytes()
    with pytest.raises(SakugaError, match=r"0001\.png is no frame of this clip"):
        studio.animate("a", tmp_path / "out", shots=1, seconds=0.5, settings=settings, store=tmp_path / "frames").result()
    assert (tmp_path / "out" / "0001.png").read_bytes() == drawn


def test_img2img_starts_from_the_picture(tmp_path: Path, settings: FilmSettings) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tmp_path / "start.png")
    given = {"settings": settings, "store": tmp_path / "frames"}
    plain = studio.draw(["a"], tmp_path / "plain", **given).result()
    started = studio.draw(["a"], tmp_path / "started", start=tmp_path / "start.png", **given).result()
    assert plain.pictures[0].read_bytes() != started.pictures[0].read_bytes()
    assert studio.draw(["a"], tmp_path / "again", start=tmp_path / "start.png", **given).result().count.reused == 1


def test_a_start_picture_that_is_none_is_refused_and_nothing_is_made(tmp_path: Path, settings: FilmSettings) -> None:
    (tmp_path / "start.png").write_text("a castle")
    with pytest.raises(SakugaError, match="no picture of a known kind") as caught:
        studio.draw(["a"], tmp_path / "out", start=tmp_path / "start.png", settings=settings).result()
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_prompts_come_from_a_file_without_blank_lines_and_comments(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("\ufeffa castle\n\n# not this\n  the sea \n", encoding="utf-8")
    assert studio.read_prompts(tmp_path / "prompts.txt") == ["a castle", "the sea"]


@pytest.mark.parametrize("prompts", [[], [""], ["a", "  "]])
def test_an_empty_prompt_is_refused(tmp_path: Path, settings: FilmSettings, prompts: list[str]) -> None:
    with pytest.raises(SakugaError, match="say what to draw"):
        studio.draw(prompts, tmp_path / "out", settings=settings).result()
    assert not (tmp_path / "out").exists()


def test_strength_without_a_start_picture_is_refused(tmp_path: Path, settings: FilmSettings) -> None:
    with pytest.raises(SakugaError, match="start picture"):
        studio.draw(["a"], tmp_path / "out", settings=replace(settings, strength=0.5)).result()


def test_what_is_not_read_of_a_prompt_is_told(tmp_path: Path, settings: FilmSettings) -> None:
    notes = [step.note for step in studio.draw(["a (castle", "sea " * 90], tmp_path / "out", settings=settings, store=tmp_path / "frames")]
    assert any("'(' is never closed" in note for note in notes)
    assert any("tokens" in note for note in notes)


@pytest.mark.parametrize("sampler", ["dpm++", "euler", "lcm"])
def test_the_denoising_is_shown_and_ends_with_the_picture(tmp_path: Path, settings: FilmSettings, sampler: str) -> None:
    how = {"settings": replace(settings, sampler=sampler, steps=3, grain=0.2), "store": tmp_path / "frames"}
    made = studio.draw(["a"], tmp_path / "out", seed=5, steps_gif=tmp_path / "steps.apng", **how).result()
    shown = read_clip(tmp_path / "steps.apng")
    with Image.open(made.pictures[0]) as picture:
        assert np.array_equal(shown.pictures[-1], np.asarray(picture))
    assert len(shown.pictures) == 3
    assert sum(shown.seconds) == Fraction(13, 10)
    assert not np.array_equal(shown.pictures[0], shown.pictures[-1])
    again = studio.remake(tmp_path / "steps.apng", tmp_path / "again.apng", model=settings.model, store=tmp_path / "empty").result()
    assert again.path.read_bytes() == (tmp_path / "steps.apng").read_bytes()


def test_the_steps_of_several_pictures_are_refused(tmp_path: Path, settings: FilmSettings) -> None:
    with pytest.raises(SakugaError, match="the steps of one picture can be shown, and 2 are asked for"):
        studio.draw(["a"], tmp_path / "out", each=2, settings=settings, steps_gif=tmp_path / "steps.gif").result()
