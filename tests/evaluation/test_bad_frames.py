import numpy as np
import pytest

from sakuga.evaluation.bad_frames import bad_frames

N = 20
RNG = np.random.default_rng(0)
IMAGES = [RNG.integers(0, 255, (8, 8, 3), dtype=np.uint8) for _ in range(N)]
NOTHING = np.full(N, np.nan)


def rows(**changes: tuple[int, float]) -> dict[str, np.ndarray]:
    """Rows of a good clip, with some values changed."""
    measurements = {"steps": np.r_[np.nan, np.full(N - 1, 2.0)], "prompt_scores": np.linspace(30, 31, N), "drift": np.zeros(N)}
    for name, (index, value) in changes.items():
        measurements[name][index] = value
    return measurements


def found(images: list[np.ndarray] = IMAGES, cuts: tuple[int, ...] = (), **measurements: np.ndarray) -> list[tuple[int, int, str]]:
    return [(bad.first, bad.last, bad.fault) for bad in bad_frames(images, **{**rows(), **measurements}, cuts=cuts)]


def test_a_good_clip_has_no_bad_frames() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("row", "value", "fault"),
    [("steps", 20.0, "jump"), ("prompt_scores", 10.0, "off prompt"), ("drift", 30.0, "drifted")],
)
def test_each_fault_is_found_where_it_is(row: str, value: float, fault: str) -> None:
    assert found(**rows(**{row: (7, value)})) == [(7, 7, fault)]


def test_a_blank_image_is_found() -> None:
    blank = [*IMAGES[:3], np.full((8, 8, 3), 90, np.uint8), *IMAGES[4:]]
    assert found(blank) == [(3, 3, "blank")]


def test_a_cut_is_no_jump() -> None:
    assert found(**rows(steps=(7, 20.0)), cuts=(7,)) == []


def test_neighbouring_bad_frames_form_one_range() -> None:
    drift = np.zeros(N)
    drift[5:9] = (20.0, 30.0, 25.0, 20.0)
    (bad,) = bad_frames(IMAGES, rows()["steps"], NOTHING, drift)
    assert (bad.first, bad.last, bad.worst) == (5, 8, 6)


def test_only_the_worst_are_returned() -> None:
    steps = np.r_[np.nan, np.full(N - 1, 1.0)]
    steps[2::4] = (10.0, 50.0, 20.0, 30.0, 40.0)
    worst = bad_frames(IMAGES, steps, NOTHING, np.zeros(N), most=2)
    assert [bad.first for bad in worst] == [6, 18]
