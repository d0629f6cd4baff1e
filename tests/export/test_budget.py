"""A GIF under a size limit: colors are reduced first, then the rate, then the size; the length stays."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sakuga.export import ExportError, check_target, write
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given


def grainy(count: int = 12, side: int = 64) -> Clip:
    rng = np.random.default_rng(0)
    base = np.linspace(0, 200, side * side * 3).reshape(side, side, 3)
    images = [np.clip(base + rng.normal(0, 30, base.shape), 0, 255).astype(np.uint8) for _ in range(count)]
    return Clip(frames=tuple(Frame(image=each, spec=Given(image="")) for each in images), rate=Fraction(12), recipe="recipe")


def measured(path: Path) -> tuple[int, int, tuple[int, int]]:
    """Frames, milliseconds, size."""
    with Image.open(path) as image:
        lengths = []
        for place in range(image.n_frames):
            image.seek(place)
            lengths.append(image.info["duration"])
        return len(lengths), sum(lengths), image.size


@pytest.fixture(scope="module")
def full_size(tmp_path_factory: pytest.TempPathFactory) -> int:
    return write(grainy(), tmp_path_factory.mktemp("full") / "clip.gif").bytes


@pytest.mark.parametrize(
    ("share", "frames", "size", "note"),
    [
        (1.0, 12, (64, 64), None),
        (0.8, 12, (64, 64), "colors instead of 255$"),
        (0.4, 6, (64, 64), r"32 colors instead of 255, 6 frames per second instead of 12$"),
        (0.15, 4, (48, 48), r"32 colors .* 4 frames per second instead of 12, 48x48 pixels instead of 64x64$"),
    ],
)
def test_a_gif_is_reduced_no_further_than_needed(
    tmp_path: Path, full_size: int, share: float, frames: int, size: object, note: str | None
) -> None:
    most = round(full_size * share)
    written = write(grainy(), tmp_path / "clip.gif", most)
    assert written.bytes == (tmp_path / "clip.gif").stat().st_size <= most
    assert measured(written.path) == (frames, 1000, size)
    if note is None:
        assert written.notes == ()
    else:
        assert re.search(note, written.notes[0])


def test_a_hold_stays_a_hold(tmp_path: Path) -> None:
    base = grainy(4)
    held = Clip(frames=(base.frames[0],) * 30 + base.frames[1:], rate=Fraction(10))
    bare = write(held, tmp_path / "bare.gif").bytes
    assert measured(write(held, tmp_path / "held.gif", round(bare * 0.9)).path) == (4, 3300, (64, 64))


def test_an_impossible_limit_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"does not fit into 0.1 KB: its smallest GIF has [\d.]+ KB"):
        write(grainy(4), tmp_path / "clip.gif", 100)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "most", "message"),
    [
        ("clip.mp4", 1000, r"only a \.gif can"),
        ("frames", 1000, r"only a \.gif can"),
        ("clip.gif", 0, "write a unit, such as 4MB"),
        ("clip.gif", 4, "no GIF is as small as 4 bytes"),
    ],
)
def test_a_size_limit_is_for_gif_only(tmp_path: Path, name: str, most: int, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        check_target(tmp_path / name, most)
