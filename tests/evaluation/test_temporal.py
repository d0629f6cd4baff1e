"""Flicker, judder and color drift are measured; a cut is not flicker."""

import numpy as np
import pytest

from sakuga.evaluation.metric import Metric, MetricError, NotMeasured
from sakuga.evaluation.temporal import curve_mean, drift, flicker, judder
from sakuga.sketchbook.scene import sample


def scene(seed: int, frames: int = 8, pace: float = 1 / 12) -> list[np.ndarray]:
    moving = sample(seed)
    return [moving.at(1.0 + index * pace).image(96, 96) for index in range(frames)]


@pytest.fixture(scope="module")
def steady() -> list[np.ndarray]:
    return scene(5006)


def test_changing_light_flickers_and_motion_does_not(steady: list[np.ndarray]) -> None:
    rolled = [np.roll(steady[0], 2 * index, axis=1)[:, 16:80] for index in range(8)]
    waving = [np.clip(image.astype(int) + 12 * (index % 2), 0, 255).astype(np.uint8) for index, image in enumerate(steady)]
    calm, pan, unsteady = (np.nanmean(flicker(frames)) for frames in (steady, rolled, waving))
    assert pan < 3.0
    assert calm < 3.0
    assert unsteady > calm + 8.0


def test_cuts_are_left_out_and_held_frames_do_not_flicker(steady: list[np.ndarray]) -> None:
    cut = flicker([*steady[:3], *scene(5011, 3)])
    assert np.isnan(cut).tolist() == [True, False, False, True, False, False]
    assert flicker([steady[0]] * 3).tolist()[1:] == [0.0, 0.0]
    found = curve_mean("flicker", cut)
    assert isinstance(found, Metric)
    assert found.n == 4
    assert isinstance(curve_mean("flicker", np.full(3, np.nan)), NotMeasured)


def test_a_misplaced_frame_judders(steady: list[np.ndarray]) -> None:
    rolled = [np.roll(steady[0], 2 * index, axis=1)[:, 16:80] for index in range(8)]
    swapped = [*rolled[:4], rolled[1], *rolled[5:]]
    curve = judder(swapped)
    assert np.isnan(curve[[0, -1]]).all()
    assert int(np.nanargmax(curve)) == 4
    assert np.nanmean(curve) > 2 * np.nanmean(judder(rolled))


def test_color_drift_is_measured_from_the_first_frame_of_a_shot(steady: list[np.ndarray]) -> None:
    red = [np.clip(image.astype(int) + np.array([4 * index, 0, 0]), 0, 255).astype(np.uint8) for index, image in enumerate(steady)]
    assert drift(red)[0] == 0.0
    assert drift(red)[-1] > drift(steady)[-1] + 5
    assert (np.diff(drift(red)) > 0).mean() > 0.8
    assert drift(red, firsts=(0, 7))[-1] == 0.0
    assert drift(red, firsts=(0, 7))[6] == drift(red)[6]


def test_clips_that_are_too_short_or_mixed_are_refused(steady: list[np.ndarray]) -> None:
    with pytest.raises(MetricError, match="a clip of 2 frames is too short: give one of 3 or more"):
        flicker(steady[:2])
    with pytest.raises(MetricError, match="frame 3 has 48x96 pixels and frame 1 has 96x96: resize them to one size"):
        drift([steady[0], steady[1], steady[2][:, :48]])
