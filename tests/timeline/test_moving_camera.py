"""The camera of a shot in motion goes where its keys say, and comes back where a clip closes."""

from fractions import Fraction

import pytest

from sakuga.story.keys import Key
from sakuga.story.storyboard import Bible, Camera, Shot, Storyboard
from sakuga.timeline.film_layout import FilmLayout, FrameSettings
from sakuga.timeline.motion import Track
from sakuga.timeline.moving_camera import returning_warps, shot_warps, swinging_warps
from sakuga.timeline.spec import Warp
from sakuga.timeline.style_weights import StyleWeights
from sakuga.timeline.timing import Span

FRAMES = 8


@pytest.fixture
def film() -> FilmLayout:
    """One shot whose camera pans by 0.2 of the width."""
    board = Storyboard(
        idea="", bible=Bible(), shots=(Shot(prompt="a castle", seconds=1.0, seed=0, camera=Camera(pan=(0.2, 0.0)), ease="linear"),)
    )
    styles = [(Key(frame=0, value=StyleWeights(styles=())),)]
    return FilmLayout(board, FrameSettings(checkpoint="c", width=64, height=64), [Span(start=0, stop=FRAMES)], styles, [None], {})


def pans(warps: list[Warp]) -> list[float]:
    return [warp.pan[0] for warp in warps]


def test_a_swing_is_at_its_end_halfway_and_back_at_the_end(film: FilmLayout) -> None:
    there = pans(shot_warps(film, 0, FRAMES, 0))
    swing = pans(swinging_warps(film, FRAMES))
    assert swing[0] == there[0]
    assert swing[FRAMES // 2] == there[-1]
    assert swing[1:] == swing[:0:-1]


def test_a_camera_that_returns_does_so_evenly_over_the_last_frames_alone(film: FilmLayout) -> None:
    warps = shot_warps(film, 0, FRAMES, 0)
    closed = pans(returning_warps(film, warps, 3))
    assert closed[: FRAMES - 3] == pans(warps)[: FRAMES - 3]
    steps = [closed[FRAMES - 4 + place] - closed[0] for place in range(4)]
    assert steps == sorted(steps, reverse=True)
    assert 0 < steps[-1] < steps[0] / 3
    assert steps[2] == pytest.approx(steps[0] / 2)


def test_a_track_at_another_time_is_later_by_so_much() -> None:
    track = Track(((Fraction(1), "a"), (Fraction(2), "b")), "flow")
    assert track.moved(3) == Track(((Fraction(4), "a"), (Fraction(5), "b")), "flow")
