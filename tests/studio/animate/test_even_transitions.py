"""Morphs of a film are retimed, their timing is in the recipe, and a remake follows it."""

from pathlib import Path

import pytest

from sakuga import studio
from sakuga.export import read_recipe
from sakuga.story.film import Film
from sakuga.story.storyboard import Bible, Cut, Morph, Shot, Storyboard
from sakuga.studio import FilmSettings
from sakuga.studio.animate import even_transitions
from sakuga.studio.animate.animate import FilmRecipe
from sakuga.studio.animate.even_transitions import MorphTiming
from sakuga.timeline.transition_timing import planned_timing


@pytest.fixture
def film(tiny_v_folder: Path) -> Film:
    settings = FilmSettings(model=str(tiny_v_folder), steps=4, size=(32, 32), motion="none", strength=1.0)
    shots = (
        Shot(prompt="a castle", seconds=0.5, seed=1, transition=Morph(seconds=0.7)),
        Shot(prompt="the sea at night", seconds=1.0, seed=2, transition=Cut()),
    )
    return Film(settings=settings, storyboard=Storyboard(idea="", bible=Bible(), shots=shots))


def test_a_morph_is_retimed_and_a_remake_follows_it(tmp_path: Path, film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(even_transitions, "EVEN", 0.05)
    made = studio.render(film, tmp_path / "a.apng", store=tmp_path / "frames").result()
    text = read_recipe(made.clip)
    assert text
    recipe = FilmRecipe.model_validate_json(text)
    assert recipe.timings is not None
    (timing,) = recipe.timings
    assert (timing.shot, len(timing.shown), timing.shown[-1]) == (2, 8, 1.0)
    assert timing.shown != planned_timing(8, 3).shown
    again = studio.render(film, tmp_path / "b.apng", store=tmp_path / "frames").result()
    assert again.count.generated == 0
    assert again.clip.read_bytes() == made.clip.read_bytes()
    remade = studio.remake(made.clip, tmp_path / "c.apng", model=str(film.settings.model), store=tmp_path / "other").result()
    assert (tmp_path / "c.apng").read_bytes() == made.clip.read_bytes()
    assert remade.generated < made.count.generated, "only what the clip shows is generated"


@pytest.mark.parametrize(("generated", "shown"), [((0.5, 1.0), (0.5, 0.2, 1.0)), ((0.5,), (0.5, 1.0)), ((0.5, 1.0), (0.5,))])
def test_a_timing_that_goes_back_or_does_not_arrive_is_refused(generated: tuple[float, ...], shown: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"grow up to 1\.0"):
        MorphTiming(shot=2, generated=generated, shown=shown)
