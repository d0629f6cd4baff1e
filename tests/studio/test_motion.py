"""Films with chained frames, keys and depth on a tiny Stable Diffusion."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sakuga import SakugaError, studio
from sakuga.finishing.color_match import lab_distance, match_color
from sakuga.story.film import Film, from_toml
from sakuga.studio import FilmSettings

FILM = """
[film]
init_from = "previous"
depth = "luminance"
shot_strength = 0.5
noise_drift = 0.5
keyframe_rate = 6
[[shots]]
prompt = "0: a castle by day, 6: a castle at night"
seconds = 1
seed = 3
guidance = "0: 3, 12 smooth: 5"
strength = "0: 0.4, 6: 0.7"
camera = { pan = [0.2, 0], parallax = 0.8 }
"""


@pytest.fixture
def film(tiny_v_folder: Path) -> Film:
    read = from_toml(FILM)
    return replace(read, settings=replace(read.settings, model=str(tiny_v_folder), steps=4, size=(32, 32)))


def test_a_chain_with_keys_and_depth_is_reproducible(film: Film, tmp_path: Path) -> None:
    result = studio.render(film, tmp_path / "a.gif", store=tmp_path / "frames").result()
    assert (result.frames, result.count.generated) == (12, 7)
    repeated = studio.render(result.film, tmp_path / "b.gif", store=tmp_path / "frames").result()
    assert (repeated.count.generated, repeated.clip.read_bytes()) == (0, result.clip.read_bytes())
    flat = replace(film, settings=replace(film.settings, init_from="keyframe"))
    assert studio.render(flat, tmp_path / "c.gif", store=tmp_path / "frames").result().count.reused == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control_weight": 1.0}, "no depth ControlNet"),
        ({"depth": "estimator"}, "no depth estimator"),
        ({"depth": "guess"}, "guess"),
        ({"init_from": "me"}, "me"),
        ({"shot_strength": 0.0}, "shot_strength"),
        ({"noise_drift": -1.0}, "noise_drift"),
        ({"keyframe_rate": 0}, "keyframe_rate"),
    ],
)
def test_impossible_settings_are_refused_before_any_frame_is_generated(film: Film, tmp_path: Path, change: dict, message: str) -> None:
    def render() -> None:
        settings: FilmSettings = replace(film.settings, **change)
        studio.render(replace(film, settings=settings), tmp_path / "a.gif", store=tmp_path / "frames")

    with pytest.raises(SakugaError, match=message) as caught:
        render()
    assert caught.value.exit_code == 2
    assert not list(tmp_path.glob("frames/*/*.png"))


def test_color_drift_is_corrected_and_a_prompted_change_of_light_is_not() -> None:
    rng = np.random.default_rng(0)
    key = rng.integers(60, 180, (32, 32, 3), dtype=np.uint8)
    drifted = np.clip(key.astype(int) + np.array([14, -6, 10]), 0, 255).astype(np.uint8)
    night = (drifted * (0.35, 0.4, 0.6)).astype(np.uint8)
    without_drift = match_color(drifted, key, 0.8)
    assert lab_distance(without_drift, key) < 0.3 * lab_distance(drifted, key)
    corrected = match_color(night, key, 0.8, measured=drifted)
    true_night = (key * (0.35, 0.4, 0.6)).astype(np.uint8)
    assert lab_distance(corrected, key) > 0.9 * lab_distance(true_night, key)
    assert lab_distance(corrected, true_night) < lab_distance(night, true_night)
