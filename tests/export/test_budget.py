"""A GIF under a budget: colours go first, then the rate, then the size; the clip's length stays."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga.export import ExportError, check_target, write
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given


def grainy(count: int = 12, side: int = 64) -> Clip:
    chance = np.random.default_rng(0)
    base = np.linspace(0, 200, side * side * 3).reshape(side, side, 3)
    pictures = [np.clip(base + chance.normal(0, 30, base.shape), 0, 255).astype(np.uint8) for _ in range(count)]
    return Clip(frames=tuple(Frame(picture=each, spec=Given(picture="")) for each in pictures), rate=Fraction(12), recipe="recipe")


def seen(path: Path) -> tuple[int, int, tuple[int, int]]:
    """Frames, milliseconds, size."""
    with Image.open(path) as image:
        lengths = []
        for place in range(image.n_frames):
            image.seek(place)
            lengths.append(image.info["duration"])
        return len(lengths), sum(lengths), image.size


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> int:
    return write(grainy(), tmp_path_factory.mktemp("whole") / "clip.gif").bytes


@pytest.mark.parametrize(
    ("share", "frames", "size", "said"),
    [
        (1.0, 12, (64, 64), None),
        (0.8, 12, (64, 64), "colours instead of 255$"),
        (0.4, 6, (64, 64), r"32 colours instead of 255, 6 frames a second instead of 12$"),
        (0.15, 4, (48, 48), r"32 colours .* 4 frames a second instead of 12, 48x48 pixels instead of 64x64$"),
    ],
)
def test_only_as_much_is_lowered_as_must_be(tmp_path: Path, whole: int, share: float, frames: int, size: object, said: str | None) -> None:
    most = round(whole * share)
    written = write(grainy(), tmp_path / "clip.gif", most)
    assert written.bytes == (tmp_path / "clip.gif").stat().st_size <= most
    assert seen(written.path) == (frames, 1000, size)
    if said is None:
        assert written.notes == ()
    else:
        import re

        assert re.search(said, written.notes[0])


def test_a_hold_stays_a_hold(tmp_path: Path) -> None:
    base = grainy(4)
    held = Clip(frames=(base.frames[0],) * 30 + base.frames[1:], rate=Fraction(10))
    bare = write(held, tmp_path / "bare.gif").bytes
    assert seen(write(held, tmp_path / "held.gif", round(bare * 0.9)).path) == (4, 3300, (64, 64))


def test_what_cannot_be_reached_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"cannot be brought under 0.1 KB: the smallest GIF of it has [\d.]+ KB"):
        write(grainy(4), tmp_path / "clip.gif", 100)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "most", "said"),
    [
        ("clip.mp4", 1000, r"only a \.gif can"),
        ("frames", 1000, r"only a \.gif can"),
        ("clip.gif", 0, "write a unit, such as 4MB"),
        ("clip.gif", 4, "no GIF is as small as 4 bytes"),
    ],
)
def test_a_budget_is_for_gif_only(tmp_path: Path, name: str, most: int, said: str) -> None:
    with pytest.raises(ExportError, match=said):
        check_target(tmp_path / name, most)
