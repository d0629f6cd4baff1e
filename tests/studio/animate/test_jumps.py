"""A jump that nobody asked for is mended, or named; cuts, stills and small steps are not."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from sakuga import studio
from sakuga.export import read_recipe
from sakuga.story.film import Film
from sakuga.story.storyboard import Bible, Cut, Morph, Shot, Storyboard
from sakuga.studio import FilmSettings
from sakuga.studio.animate import jumps
from sakuga.studio.animate.animate import FilmRecipe
from sakuga.studio.animate.jumps import MOST, FilmRetiming, find_jumps, jump_notes, noting_steps, spread_jumps


def film(transition: Cut | Morph) -> Storyboard:
    shots = (Shot(prompt="a castle", seconds=1.0, seed=1, transition=transition), Shot(prompt="the sea", seconds=1.0, seed=2))
    return Storyboard(idea="a castle", bible=Bible(), shots=shots)


def test_images_pass_unchanged_and_their_steps_are_noted() -> None:
    images, steps = [np.full((4, 4, 3), level, np.uint8) for level in (250, 10, 10, 13)], list[float]()
    assert list(noting_steps(images, steps)) == images
    assert steps == [240.0, 0.0, 3.0]


def test_a_cut_is_no_jump_and_a_morph_that_jumps_is_named_with_its_shot() -> None:
    steps = [5.0] * 23
    steps[11] = 40.0
    assert jump_notes(steps, film(Cut()), Fraction(12)) == []
    (note,) = jump_notes(steps, film(Morph()), Fraction(12))
    assert note.startswith("frame 13 jumps: it differs 8.0 times as much")
    assert "another seed of shot 2" in note


@pytest.mark.parametrize("steps", [[], [0.0] * 9, [1.0, 1.0, 3.9, 1.0], [5.0, 5.0, 15.0, 5.0]])
def test_stills_and_steps_that_nobody_sees_are_no_jumps(steps: list[float]) -> None:
    assert find_jumps(steps, ()) == []


def test_held_frames_do_not_make_every_step_a_jump() -> None:
    assert find_jumps([0.0, 6.0] * 6, ()) == []


def test_only_the_largest_jumps_are_named() -> None:
    steps = [5.0] * 23
    steps[2:22:5] = [30.0, 40.0, 50.0, 60.0]
    notes = jump_notes(steps, film(Morph()), Fraction(12))
    assert [note.split()[1] for note in notes] == ["19", "14", "9"]
    assert len(notes) == MOST


def test_a_quick_dusk_is_no_jump() -> None:
    assert find_jumps([2.0] * 20 + [9.0] * 8 + [2.0] * 20, ()) == []


def test_a_jump_is_spread_over_the_frames_around_it_and_not_over_a_cut() -> None:
    steps = [5.0] * 23
    steps[11] = 40.0
    (one,) = spread_jumps(steps, ())
    assert one.first < 11 < 12 < one.first + len(one.shown) + 1
    (beside,) = spread_jumps(steps, (10,))
    assert beside.first >= 10
    assert spread_jumps(steps, (12,)) == ()


@pytest.mark.parametrize("shown", [(3.0, 2.0), (0.5, 2.0), (2.0, 9.0)])
def test_moments_that_do_not_grow_are_refused(shown: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="moments grow"):
        FilmRetiming(first=1, shown=shown)


def test_a_film_that_jumps_is_mended_and_a_remake_shows_the_same(
    tmp_path: Path, tiny_v_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jumps, "JUMP", 1.0)
    monkeypatch.setattr(jumps, "VISIBLE", 0.0)
    settings = FilmSettings(model=str(tiny_v_folder), steps=2, size=(32, 32), init_from="previous", keyframe_rate=12)
    board = Storyboard(idea="", bible=Bible(), shots=(Shot(prompt="a castle", seconds=1.0, seed=1),))
    made = studio.render(Film(settings=settings, storyboard=board), tmp_path / "a.apng", store=tmp_path / "frames").result()
    text = read_recipe(made.clip)
    assert text
    assert FilmRecipe.model_validate_json(text).retimings
    studio.remake(made.clip, tmp_path / "b.apng", model=str(tiny_v_folder), store=tmp_path / "frames").result()
    assert (tmp_path / "b.apng").read_bytes() == made.clip.read_bytes()
