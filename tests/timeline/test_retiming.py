"""A large step is spread over the frames around it, and no further than needed."""

from itertools import pairwise

import pytest

from sakuga import InputError
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.retiming import Retiming, retimed_sheet, spread_step
from sakuga.timeline.spec import Given, InBetween, digest


def change_between(steps: list[float], moments: list[float]) -> list[float]:
    """How much changes from one moment to the next, if images change evenly between frames."""

    def change(moment: float) -> float:
        whole = int(moment)
        return sum(steps[:whole]) + (moment - whole) * (steps[whole] if whole < len(steps) else 0.0)

    return [change(after) - change(before) for before, after in pairwise(moments)]


def test_a_large_step_becomes_equal_steps_over_as_few_frames_as_do() -> None:
    steps = [2.0] * 10 + [12.0] + [2.0] * 10
    one = spread_step(steps, 11, largest=4.0, reach=8)
    assert one is not None
    assert (one.first, len(one.shown)) == (8, 4), "22 in six steps"
    moments = [float(one.first), *one.shown, float(one.first + len(one.shown) + 1)]
    assert change_between(steps, moments) == pytest.approx([20 / 5] * 5, abs=1e-4)


def test_a_step_at_the_end_or_beside_a_held_frame_is_spread_to_the_other_side() -> None:
    one = spread_step([2.0] * 6 + [12.0], 7, largest=4.0, reach=8)
    assert one is not None
    assert one.first + len(one.shown) + 1 == 7
    one = spread_step([2.0] * 5 + [12.0, 0.0, 2.0], 6, largest=4.0, reach=8)
    assert one is not None
    assert one.first + len(one.shown) + 1 == 6


def test_a_step_between_held_frames_stays() -> None:
    assert spread_step([0.0, 9.0, 0.0], 2, largest=2.0, reach=8) is None


def test_a_sheet_shows_in_betweens_where_moments_lie_between_frames() -> None:
    images = [Given(image=name) for name in "abcd"]
    names = tuple(map(digest, images))
    sheet = ExposureSheet(
        exposures=names, specs=dict(zip(names, images, strict=True)), color_references={}, color_corrections={}
    )  # fmt: skip
    shown = retimed_sheet(sheet, [Retiming(first=0, shown=(1.0, 1.5))])
    assert shown.exposures[:2] == names[:2]
    assert shown.specs[shown.exposures[2]] == InBetween(first=names[1], second=names[2], at=0.5)
    assert shown.exposures[3] == names[3]
    assert retimed_sheet(sheet, ()) == sheet
    with pytest.raises(InputError, match="retimings: frame 4 is retimed to, and the film has 4"):
        retimed_sheet(sheet, [Retiming(first=2, shown=(2.5,))])
