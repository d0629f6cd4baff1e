"""Single images: as many as requested, named in order, batch-invariant."""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import SakugaError, studio
from sakuga.datasets.clips import read_clip
from sakuga.story.limits import MAX_LETTERS, MAX_PROMPTS
from sakuga.studio import FilmSettings


@pytest.fixture
def settings(tiny_v_folder: Path) -> FilmSettings:
    return FilmSettings(model=str(tiny_v_folder), steps=2)


def test_a_image_is_batch_invariant(tmp_path: Path, settings: FilmSettings) -> None:
    many = studio.draw(["a", "b"], tmp_path / "many", images_per_prompt=3, settings=settings, store=tmp_path / "one").result()
    alone = studio.draw(["b"], tmp_path / "alone", seed=2, settings=settings, store=tmp_path / "other").result()
    assert [path.name for path in many.paths] == [f"{place:04d}.png" for place in range(1, 7)]
    assert many.paths[5].read_bytes() == alone.paths[0].read_bytes()


def test_images_are_added_behind_those_that_are_there(tmp_path: Path, settings: FilmSettings) -> None:
    out, given = tmp_path / "out", {"settings": settings, "store": tmp_path / "frames"}
    first = studio.draw(["a"], out, images_per_prompt=2, **given).result().paths
    (out / "0007.jpg").write_bytes(b"somebody's own")
    kept = {path: path.read_bytes() for path in out.iterdir()}
    work = studio.draw(["b", "a"], out, images_per_prompt=2, **given)
    notes = [step.note for step in work if step.note]
    second = work.result().paths
    assert f"{out} holds 3 numbered images: new ones begin at 0008.png" in notes
    assert [path.name for path in second] == ["0008.png", "0009.png", "0001.png", "0002.png"], "what is there already keeps its place"
    assert all(path.read_bytes() == data for path, data in kept.items())
    Image.open(first[0]).rotate(90).save(first[0])
    turned = first[0].read_bytes()
    again = studio.draw(["a"], out, images_per_prompt=2, **given).result().paths
    assert [path.name for path in again] == ["0010.png", "0002.png"]
    assert first[0].read_bytes() == turned, "what a person changed is theirs"
    assert [path.name for path in studio.draw(["c", "c"], out, **given).result().paths] == ["0011.png", "0012.png"]


def test_half_precision_generates_nearly_the_same_under_names_of_its_own(tmp_path: Path, settings: FilmSettings) -> None:
    store = tmp_path / "frames"
    whole, half = (
        studio.draw(["a"], tmp_path / str(precision), settings=replace(settings, precision=precision), store=store).result()
        for precision in (None, "bf16")
    )
    assert half.count.generated == 1, "the whole one is no frame of this kind"
    assert whole.paths[0].read_bytes() != half.paths[0].read_bytes()
    apart = [np.asarray(Image.open(made.paths[0]).convert("RGB"), float) for made in (whole, half)]
    assert np.abs(apart[0] - apart[1]).mean() < 5
    again = studio.remake(half.paths[0], tmp_path / "again.png", model=settings.model, store=store).result()
    assert again.generated == 0, "its recipe says how precise it is"


def test_a_clip_is_not_written_among_generated_images(tmp_path: Path, settings: FilmSettings) -> None:
    drawn = studio.draw(["a"], tmp_path / "out", settings=settings, store=tmp_path / "frames").result().paths[0].read_bytes()
    with pytest.raises(SakugaError, match=r"0001\.png is no frame of this clip"):
        studio.animate("a", tmp_path / "out", shots=1, seconds=0.5, settings=settings, store=tmp_path / "frames").result()
    assert (tmp_path / "out" / "0001.png").read_bytes() == drawn


def test_img2img_starts_from_the_image(tmp_path: Path, settings: FilmSettings) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(tmp_path / "start.png")
    given = {"settings": settings, "store": tmp_path / "frames"}
    plain = studio.draw(["a"], tmp_path / "plain", **given).result()
    started = studio.draw(["a"], tmp_path / "started", init_image=tmp_path / "start.png", **given).result()
    assert plain.paths[0].read_bytes() != started.paths[0].read_bytes()
    assert studio.draw(["a"], tmp_path / "again", init_image=tmp_path / "start.png", **given).result().count.reused == 1


def test_a_start_image_that_is_none_is_refused_and_nothing_is_made(tmp_path: Path, settings: FilmSettings) -> None:
    (tmp_path / "start.png").write_text("a castle")
    with pytest.raises(SakugaError, match="not an image of a known format") as caught:
        studio.draw(["a"], tmp_path / "out", init_image=tmp_path / "start.png", settings=settings).result()
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_prompts_come_from_a_file_without_blank_lines_and_comments(tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("\ufeffa castle\n\n# not this\n  the sea \n", encoding="utf-8")
    assert studio.read_prompts(tmp_path / "prompts.txt") == ["a castle", "the sea"]


def test_more_prompts_or_images_than_anyone_wants_are_refused_before_they_are_laid_out(tmp_path: Path, settings: FilmSettings) -> None:
    (tmp_path / "prompts.txt").write_text("a castle\n" * (MAX_PROMPTS + 1))
    with pytest.raises(SakugaError, match=f"holds {MAX_PROMPTS + 1} prompts, and {MAX_PROMPTS} are the most"):
        studio.read_prompts(tmp_path / "prompts.txt")
    (tmp_path / "prompts.txt").write_text("the sea\n" + "castle " * MAX_LETTERS)
    with pytest.raises(SakugaError, match=f"prompt 2 has more than {MAX_LETTERS} letters"):
        studio.read_prompts(tmp_path / "prompts.txt")
    with pytest.raises(SakugaError, match="110000 images cannot be generated at once"):
        studio.draw(["a"] * 11, tmp_path / "out", images_per_prompt=10_000, settings=settings)


@pytest.mark.parametrize("prompts", [[], [""], ["a", "  "]])
def test_an_empty_prompt_is_refused(tmp_path: Path, settings: FilmSettings, prompts: list[str]) -> None:
    with pytest.raises(SakugaError, match="describe the image"):
        studio.draw(prompts, tmp_path / "out", settings=settings).result()
    assert not (tmp_path / "out").exists()


def test_strength_without_a_start_image_is_refused(tmp_path: Path, settings: FilmSettings) -> None:
    with pytest.raises(SakugaError, match="init image"):
        studio.draw(["a"], tmp_path / "out", settings=replace(settings, strength=0.5)).result()


def test_what_is_not_read_of_a_prompt_is_reported(tmp_path: Path, settings: FilmSettings) -> None:
    notes = [step.note for step in studio.draw(["a (castle", "sea " * 90], tmp_path / "out", settings=settings, store=tmp_path / "frames")]
    assert any("'(' is never closed" in note for note in notes)
    assert any("270 tokens, which the text encoder reads in 4 parts" in note for note in notes)
    notes = [step.note for step in studio.draw("sea" * 60, tmp_path / "out", settings=settings, store=tmp_path / "frames")]
    assert any("tokens" in note for note in notes)  # one word is not divided


@pytest.mark.parametrize("sampler", ["dpm++", "euler", "lcm"])
def test_the_denoising_is_shown_and_ends_with_the_image(tmp_path: Path, settings: FilmSettings, sampler: str) -> None:
    how = {"settings": replace(settings, sampler=sampler, steps=3, grain=0.2), "store": tmp_path / "frames"}
    made = studio.draw(["a"], tmp_path / "out", seed=5, steps_gif=tmp_path / "steps.apng", **how).result()
    shown = read_clip(tmp_path / "steps.apng")
    with Image.open(made.paths[0]) as picture:
        assert np.array_equal(shown.images[-1], np.asarray(picture))
    assert len(shown.images) == 3
    assert sum(shown.seconds) == Fraction(13, 10)
    assert not np.array_equal(shown.images[0], shown.images[-1])
    again = studio.remake(tmp_path / "steps.apng", tmp_path / "again.apng", model=settings.model, store=tmp_path / "empty").result()
    assert again.path.read_bytes() == (tmp_path / "steps.apng").read_bytes()


def test_the_steps_of_several_images_are_refused(tmp_path: Path, settings: FilmSettings) -> None:
    with pytest.raises(SakugaError, match="steps_gif shows the denoising of one image, and these are 2"):
        studio.draw(["a"], tmp_path / "out", images_per_prompt=2, settings=settings, steps_gif=tmp_path / "steps.gif").result()


def test_a_str_is_one_prompt_and_images_can_stay_in_memory(tmp_path: Path, settings: FilmSettings) -> None:
    store = tmp_path / "frames"
    made = studio.draw("cat", settings=settings, store=store, images_per_prompt=2).result()
    assert (made.prompts, made.seeds, made.paths) == (("cat", "cat"), (0, 1), ())
    assert [(image.shape, image.dtype) for image in made.images] == [((32, 32, 3), np.uint8)] * 2
    written = studio.draw("cat", tmp_path / "out", settings=settings, store=store).result()
    assert written.images == ()
    assert np.array_equal(np.asarray(Image.open(written.paths[0])), made.images[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": "a"}, "seed: 'a' is not a whole number; choose 0 to"),
        ({"seed": -1}, "seed: -1 is out of range"),
        ({"images_per_prompt": "3"}, "images_per_prompt: '3' is not a whole number"),
        ({"style": "comix"}, "no style 'comix'"),
        ({"style": ["comic", "cel"]}, "style: ['comic', 'cel'] is not a text"),
        ({"prompts": 5}, "prompts: 5 is not a text or a list"),
        ({"prompts": None}, "prompts: None is not a text or a list"),
        ({"settings": {"size": 64}}, "settings: {'size': 64} is not a FilmSettings"),
        ({"init_image": Image.new("RGB", (8, 8))}, "is not a path"),
    ],
)
def test_arguments_are_checked_before_a_work_is_returned(tmp_path: Path, settings: FilmSettings, change, message: str) -> None:
    with pytest.raises(SakugaError, match=re.escape(message)) as caught:
        studio.draw(**{"prompts": "cat", "out": tmp_path / "out", "settings": settings, **change})
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out").exists()
