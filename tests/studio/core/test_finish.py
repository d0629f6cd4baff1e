"""Settings of in-betweens, timing and finishing affect the clip."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga import SakugaError, studio
from sakuga.export import read_recipe
from sakuga.story.film import Film
from sakuga.story.settings import FilmSettings
from sakuga.story.storyboard import Bible, Camera, Morph, Shot, Storyboard


@pytest.fixture
def film(tiny_v_folder: Path) -> Film:
    shots = (
        Shot(prompt="a castle", seconds=0.5, seed=1, camera=Camera(zoom=1.3)),
        Shot(prompt="the sea", seconds=0.5, seed=2, transition=Morph(seconds=0.25)),
    )
    settings = FilmSettings(model=str(tiny_v_folder), size=(32, 32), steps=2, fps=Fraction(12))
    return Film(settings=settings, storyboard=Storyboard(idea="a castle", bible=Bible(), shots=shots))


def render(film: Film, tmp_path: Path, **changes: object) -> tuple[list[np.ndarray], list[float], str]:
    """Render with other settings; return images, durations in ms and the recipe."""
    film = replace(film, settings=replace(film.settings, **changes))
    result = studio.render(film, tmp_path / "clip.apng", store=tmp_path / "frames").result()
    images, lengths = [], []
    with Image.open(result.clip) as clip:
        for index in range(getattr(clip, "n_frames", 1)):
            clip.seek(index)
            images.append(np.array(clip.convert("RGB")))
            lengths.append(clip.info.get("duration", 0))
    return images, lengths, read_recipe(result.clip) or ""


def test_each_method_gives_other_in_betweens_from_the_same_keyframes(film: Film, tmp_path: Path) -> None:
    clips = {method: render(film, tmp_path, between=method)[0] for method in ("flow", "crossfade", "latent")}
    assert all(np.array_equal(clips["latent"][index], clips["crossfade"][index]) for index in (0, 3))
    assert not np.array_equal(clips["latent"][1], clips["crossfade"][1])
    assert not np.array_equal(clips["flow"][1], clips["latent"][1])


def test_on_twos_at_a_fractional_rate(film: Film, tmp_path: Path) -> None:
    _, lengths, recipe = render(film, tmp_path, on=2, fps=Fraction(24000, 1001))
    assert sum(lengths) == pytest.approx(24 * 1001 / 24, abs=1)
    assert min(lengths) >= 83
    assert '"24000/1001"' in recipe


def test_paper_is_static_and_grain_changes_on_held_frames(film: Film, tmp_path: Path) -> None:
    board = replace(film.storyboard, shots=(replace(film.storyboard.shots[0], hold=0.5),))
    still = replace(film, storyboard=board)
    assert len(render(still, tmp_path, paper=0.3)[0]) == 1
    grainy, _, recipe = render(still, tmp_path, grain=0.3)
    assert len(grainy) == 6
    assert '"grain": 0.3' in recipe
    assert len(render(still, tmp_path, grain=0.3, on=2)[0]) == 3
    repeated, _, _ = render(still, tmp_path, grain=0.3)
    assert all(np.array_equal(first, second) for first, second in zip(grainy, repeated, strict=True))


@pytest.mark.parametrize(("change", "message"), [({"between": "warp"}, "crossfade"), ({"on": 0}, "on: 0"), ({"grain": 2.0}, "grain: 2")])
def test_invalid_finishing_settings_are_refused(film: Film, tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(SakugaError, match=message) as caught:
        render(film, tmp_path, **change)
    assert caught.value.exit_code == 2
