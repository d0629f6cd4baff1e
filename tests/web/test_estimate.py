"""Time left of a job."""

from itertools import count

import pytest

from sakuga.studio.core.progress import Step
from sakuga.web import estimate
from sakuga.web.estimate import Estimate


@pytest.fixture(autouse=True)
def one_second_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a second pass from each look at the clock to the next."""
    clock = count(100.0)
    monkeypatch.setattr(estimate, "monotonic", lambda: next(clock))


def left(estimate: Estimate, *steps: Step) -> list[float | None]:
    return [estimate.left(step) for step in steps]


def trained(done: int) -> Step:
    return Step(stage="training", done=done, total=10)


def test_a_stage_that_names_no_time_is_estimated_by_its_speed() -> None:
    assert left(Estimate(), *map(trained, (0, 1, 2, 4, 10))) == [None, pytest.approx(9), pytest.approx(8), pytest.approx(4.5), 0]


def test_a_training_that_goes_on_counts_only_what_it_does_now() -> None:
    assert left(Estimate(), *map(trained, (6, 7, 8))) == [None, pytest.approx(3), pytest.approx(2)]


def test_a_note_leaves_the_estimate_as_it_is() -> None:
    assert left(Estimate(), trained(0), trained(5), Step(stage="loading", note="slow"), trained(6)) == [None, 1, 1, pytest.approx(4 / 3)]


def test_each_stage_begins_anew_and_a_time_that_a_step_names_counts() -> None:
    steps = [Step(stage="loading", done=1, total=2), trained(0), trained(5), Step(stage="training", done=6, total=10, seconds_left=42.0)]
    assert left(Estimate(), *steps) == [None, None, pytest.approx(1), 42.0]
