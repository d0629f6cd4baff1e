"""Prompts become a clip that morphs, loops, is even if requested, is generated once and remakes itself."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import SakugaError, studio
from sakuga.export import read_recipe
from sakuga.studio import FilmSettings
from sakuga.studio.animate.morph_timing import VISIBLE

PROMPTS = ("a castle", "the sea", "a red boat")


@pytest.fixture
def settings(tiny_v_folder: Path) -> FilmSettings:
    return FilmSettings(model=str(tiny_v_folder), steps=2, size=(32, 32))


def morph(
    tmp_path: Path, settings: FilmSettings, prompts: tuple[str, ...] = PROMPTS, name: str = "a.apng", **given: object
) -> studio.MorphResult:
    given = {"frames": 7, "store": tmp_path / "frames"} | given
    return studio.morph(prompts, tmp_path / name, settings=settings, **given).result()


def pictures(path: Path) -> list[np.ndarray]:
    with Image.open(path) as image:
        shown = []
        for place in range(image.n_frames):
            image.seek(place)
            shown.append(np.asarray(image.convert("RGB")))
    return shown


def test_prompts_flow_and_their_keys_are_what_draw_generates(tmp_path: Path, settings: FilmSettings) -> None:
    made = morph(tmp_path, settings, seed=4)
    shown = pictures(made.clip)
    assert (len(shown), made.frames, made.count.generated, made.count.reused) == (7, 7, 7, 0)
    assert made.loop_gap is None
    assert made.step_variation > 0
    for key, prompt in enumerate(PROMPTS):
        drawn = studio.draw([prompt], tmp_path / prompt, seed=4 + key, settings=settings, store=tmp_path / "frames").result()
        assert drawn.count.generated == 0
        assert np.array_equal(np.asarray(Image.open(drawn.paths[0])), shown[3 * key])


def test_what_did_not_change_is_not_generated_again(tmp_path: Path, settings: FilmSettings) -> None:
    made = morph(tmp_path, settings)
    again = morph(tmp_path, settings, name="b.apng")
    assert (again.count.generated, again.count.reused) == (0, 7)
    assert again.clip.read_bytes() == made.clip.read_bytes()
    changed = morph(tmp_path, settings, (*PROMPTS[:2], "a red (boat:1.3)"), "c.apng")
    assert (changed.count.generated, changed.count.reused) == (3, 4)


def test_a_stopped_morph_goes_on_where_it_was(tmp_path: Path, settings: FilmSettings) -> None:
    work = studio.morph(PROMPTS, tmp_path / "a.apng", frames=12, settings=settings, store=tmp_path / "frames")
    next(step for step in work if step.stage == "rendering" and step.done == 8)
    work.close()
    made = morph(tmp_path, settings, frames=12)
    assert (made.count.generated, made.count.reused) == (4, 8)


@pytest.mark.parametrize("prompts", [PROMPTS[:1], PROMPTS[:2], PROMPTS])
def test_loops_close(tmp_path: Path, settings: FilmSettings, prompts: tuple[str, ...]) -> None:
    made = morph(tmp_path, settings, prompts, loop=True, frames=12, ease="linear")
    assert made.frames == 12 <= made.count.generated
    assert made.loop_gap is not None
    assert 0 < made.loop_gap <= VISIBLE
    shown = pictures(made.clip)
    assert not any(np.array_equal(shown[place], shown[-place]) for place in range(1, 6))


def test_ping_pong_plays_back_what_it_drew(tmp_path: Path, settings: FilmSettings) -> None:
    made = morph(tmp_path, settings, PROMPTS[:2], ping_pong=True, frames=5, ease="linear")
    shown = pictures(made.clip)
    assert (made.frames, made.count.generated, len(shown)) == (8, 5, 8)
    assert all(np.array_equal(shown[place], shown[-place]) for place in range(1, 4))
    assert made.loop_gap is not None


def test_an_even_morph_moves_more_evenly_and_its_recipe_knows_how(tmp_path: Path, settings: FilmSettings) -> None:
    made = morph(tmp_path, settings, frames=14, even=True)
    assert made.step_variation_before is not None
    assert made.step_variation < made.step_variation_before
    recipe = json.loads(read_recipe(made.clip) or "")
    assert len(recipe["places"]) == 14
    again = studio.remake(made.clip, tmp_path / "b.apng", model=settings.model, store=tmp_path / "empty").result()
    assert (again.generated, again.frames) == (14, 14)
    assert again.path.read_bytes() == made.clip.read_bytes()


def test_a_morph_is_remade_and_changed(tmp_path: Path, settings: FilmSettings) -> None:
    made = morph(tmp_path, settings, loop=True)
    given = {"model": settings.model, "store": tmp_path / "frames"}
    studio.remake(made.clip, tmp_path / "b.apng", **given).result()
    assert (tmp_path / "b.apng").read_bytes() == made.clip.read_bytes()
    changed = studio.remake(made.clip, tmp_path / "c.apng", changes={"prompts.3": "the moon"}, **given).result()
    assert 0 < changed.generated < 7


def test_what_only_the_noise_moves_is_reported(tmp_path: Path, settings: FilmSettings) -> None:
    made = morph(tmp_path, settings, ("a castle", "a castle", "the (sea"), frames=5)
    assert any("prompts 1 and 2 are the same" in note for note in made.notes)
    still = morph(tmp_path, settings, ("a castle", "a castle"), "b.apng", frames=3, same_seed=True)
    assert any("between them nothing moves" in note for note in still.notes)
    assert still.step_variation == 0
    assert any("prompt 3: emphasis at character 5" in note for note in made.notes)


@pytest.mark.parametrize(
    ("prompts", "change", "message"),
    [
        ((), {}, "no prompt"),
        (("a castle",), {}, "two prompts or more"),
        (("a castle", " "), {}, "prompt 2 is empty"),
        (PROMPTS, {"frames": 0}, "frames: 0 is out of range; choose 2 to 10000"),
        (PROMPTS, {"frames": 2}, "2 frames are too few for 3 prompts"),
        (PROMPTS, {"frames": 1_000_000}, "choose 2 to 10000"),
        (PROMPTS, {"loop": True, "ping_pong": True}, "choose one"),
        (PROMPTS, {"even": True, "ease": "linear"}, "choose one"),
        (PROMPTS, {"seed": -1}, "seed: -1"),
        (PROMPTS, {"name": "a.bmp"}, ".gif"),
    ],
)
def test_bad_requests_are_one_sentence_and_exit_code_2(
    tmp_path: Path, settings: FilmSettings, prompts: tuple[str, ...], change: dict[str, object], message: str
) -> None:
    with pytest.raises(SakugaError, match=message) as caught:
        morph(tmp_path, settings, prompts, **change)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "frames").exists()


def test_a_share_of_a_start_image_means_nothing_here(tmp_path: Path, settings: FilmSettings) -> None:
    with pytest.raises(SakugaError, match="strength"):
        morph(tmp_path, replace(settings, strength=0.5))
    with pytest.raises(SakugaError, match="no use for noise_drift"):
        morph(tmp_path, replace(settings, noise_drift=0.5))


def test_weights_of_words_are_those_of_the_weighting(tmp_path: Path, settings: FilmSettings) -> None:
    prompts = ("a (castle:1.8)", "a hill")
    weighted = replace(settings, weighting="a1111")
    shown = pictures(morph(tmp_path, weighted, prompts, frames=3).clip)
    other = pictures(morph(tmp_path, settings, prompts, "b.apng", frames=3).clip)
    assert [np.array_equal(one, two) for one, two in zip(shown, other, strict=True)] == [False, False, True]
    drawn = studio.draw([prompts[0]], tmp_path / "drawn", settings=weighted, store=tmp_path / "frames").result()
    assert drawn.count.generated == 0
    assert np.array_equal(np.asarray(Image.open(drawn.paths[0])), shown[0])
