"""Takes of a shot: one image each, what the shot begins with."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sakuga import studio
from sakuga.rendering.store import FrameStore
from sakuga.story.film import Film
from sakuga.story.storyboard import Bible, Morph, Shot, Storyboard
from sakuga.studio import FilmSettings
from sakuga.studio.animate.animate import FilmRequest, resolve_film
from sakuga.studio.animate.takes import shot_takes
from sakuga.studio.core.output import Output
from sakuga.timeline.spec import Generated, MotionFrame


@pytest.fixture
def film(tiny_moving_folder: Path) -> Film:
    settings = FilmSettings(model=str(tiny_moving_folder), steps=2, size=(32, 32), guidance=1.0, motion_keyframe=0.2)
    shots = tuple(Shot(prompt=f"castle {seed}", seconds=1.0, seed=seed, transition=Morph(seconds=0.3)) for seed in (3, 4))
    return Film(settings=settings, storyboard=Storyboard(idea="castles", bible=Bible(), shots=shots))


def specs(store: Path) -> list[Any]:
    frames = FrameStore(store)
    return [frames.spec(name) for name in frames.names()]


def test_a_take_of_a_shot_that_moves_is_its_keyframe_alone(film: Film, tmp_path: Path) -> None:
    takes = shot_takes(film, 0, [5, 6], preview=False, store=tmp_path).result()
    assert [take.seed for take in takes] == [5, 6]
    assert [type(spec) for spec in specs(tmp_path)] == [Generated, Generated]
    board = film.storyboard
    taken = replace(film, storyboard=replace(board, shots=(replace(board.shots[0], seed=6), *board.shots[1:])))
    made = studio.render(taken, tmp_path / "clip.gif", store=tmp_path).result()
    windows = {spec.window for spec in specs(tmp_path) if isinstance(spec, MotionFrame)}
    assert takes[1].frame in {one.frame for window in windows for one in window.given}
    assert made.count.reused == 1


def test_a_take_of_a_later_shot_needs_what_it_morphs_from(film: Film, tmp_path: Path) -> None:
    (take,) = shot_takes(film, 1, [9], store=tmp_path).result()
    assert isinstance(FrameStore(tmp_path).spec(take.frame), Generated)


def test_a_take_is_of_the_whole_film_which_moves_where_a_later_shot_does(film: Film, tmp_path: Path) -> None:
    first, second = film.storyboard.shots
    board = replace(film.storyboard, shots=(replace(first, init_from="previous"), replace(second, init_from="previous"), first))
    chained = replace(film, storyboard=board)
    (take,) = shot_takes(chained, 1, [4], preview=False, store=tmp_path).result()
    resolved = resolve_film(FilmRequest(film=chained, output=Output(path=Path("clip.gif"))))
    assert take.frame in resolved.sheet.specs
