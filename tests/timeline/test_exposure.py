"""The exposure sheet lists each frame of a film with its shot, time and kind."""

from fractions import Fraction

import pytest

from sakuga.story.storyboard import Bible, Cut, Shot, Storyboard
from sakuga.timeline.exposure import exposures, timecode
from sakuga.timeline.film_layout import ExposureSheet
from sakuga.timeline.spec import Generated, InBetween, Prompt, SeedNoise, digest

BOARD = Storyboard(
    idea="a castle",
    bible=Bible(subject="castle"),
    shots=tuple(Shot(prompt=prompt, seconds=seconds, seed=1, transition=Cut()) for prompt, seconds in (("by day", 2.0), ("at night", 1.0))),
)


def frame(seed: int) -> Generated:
    noise = SeedNoise(seed=seed)
    return Generated(checkpoint="c", conditioning=Prompt(prompt="a castle"), noise=noise, width=64, height=64)


def test_frames_are_counted_through_the_film_and_a_repeated_one_is_a_hold() -> None:
    first, last = frame(1), frame(2)
    between = InBetween(first=digest(first), second=digest(last), at=0.5)
    shown = tuple(digest(spec) for spec in (first, first, between, last, last, first))
    specs = {digest(spec): spec for spec in (first, last, between)}
    sheet = ExposureSheet(specs=specs, exposures=shown, color_references={}, color_corrections={})
    rows = list(exposures(BOARD, sheet, Fraction(2)))
    assert [row.frame for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row.shot for row in rows] == [1, 1, 1, 1, 2, 2]
    assert [row.kind for row in rows] == ["generated", "hold", "in_between", "generated", "hold", "generated"]
    assert [row.start for row in rows] == [Fraction(place, 2) for place in range(6)]
    assert ["night" in row.prompt for row in rows] == [False] * 4 + [True] * 2


@pytest.mark.parametrize(
    ("place", "rate", "text"),
    [
        (0, Fraction(12), "00:00:00:00"),
        (719, Fraction(12), "00:00:59:11"),
        (720, Fraction(12), "00:01:00:00"),
        (43_200, Fraction(12), "01:00:00:00"),
    ],
)
def test_a_timecode_counts_sixty_seconds_and_sixty_minutes(place: int, rate: Fraction, text: str) -> None:
    assert timecode(place, rate) == text
