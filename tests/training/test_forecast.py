"""Time and memory of a training are estimated before it starts, and nothing is written."""

from dataclasses import replace
from pathlib import Path

import pytest

from sakuga import InputError
from sakuga.studio.training.forecast import forecast_training
from sakuga.studio.training.resolution import TrainSettings
from sakuga.training.estimate import passes
from sakuga.training.method_settings import DreamBooth, Lora, MotionLora, Slider
from tests.training.conftest import trained


def test_a_forecast_says_steps_time_memory_and_what_to_know(settings: TrainSettings) -> None:
    made = forecast_training(replace(settings, validate_every=None))
    assert (made.steps, made.images) == (8, 5)
    assert made.seconds == pytest.approx(8 * made.step_seconds)
    assert made.memory > 50e6
    assert made.text().startswith("about 0:00:0")
    assert any("only 5 images to train on" in note for note in made.notes)
    assert any("passes over 5 images" in note for note in made.notes)
    assert not Path(settings.out).exists()


def test_a_forecast_is_within_a_factor_of_what_the_training_takes(settings: TrainSettings) -> None:
    asked = replace(settings, steps=12, batch=8)
    foretold, run = forecast_training(asked), trained(asked)
    assert foretold.seconds == pytest.approx(run.seconds, rel=5.0), "a factor of six, as seconds of a busy machine differ"


def test_what_cannot_be_trained_is_refused_before_a_model_is_loaded(settings: TrainSettings) -> None:
    with pytest.raises(InputError, match="two different ends"):
        forecast_training(replace(settings, method=Slider()))


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Lora(), (1, 0)),
        (Lora(preserve=1.0), (2, 1)),
        (Slider(more="at night", less="at noon"), (2, 3)),
        (Slider(less_set="sets/less"), (2, 0)),
        (DreamBooth(class_prompt="a tower", prior="predictions"), (2, 1)),
        (DreamBooth(class_set="towers", prior="images"), (2, 0)),
        (DreamBooth(), (1, 0)),
        (MotionLora(both_ways=True), (2, 0)),
    ],
)
def test_passes_of_a_step_are_counted_by_method(method: object, expected: tuple[int, int]) -> None:
    assert passes(method) == expected  # type: ignore[arg-type]
