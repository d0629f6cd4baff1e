"""Whatever a file holds, reading its recipe ends with a text, with None, or with one sentence."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from sakuga.datasets.clips import read_clip
from sakuga.datasets.image_reading import PictureError
from sakuga.export import ExportError, read_recipe, write
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given

SUFFIXES = (".gif", ".webp", ".apng", ".png", ".mp4", ".webm")
BEGINNINGS = (b"", b"GIF89a", b"RIFF", b"\x89PNG\r\n\x1a\n")
fuzzed = settings(deadline=None, max_examples=20, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    rows = np.arange(16, dtype=np.uint8)[:, None, None] * 10 + np.zeros((16, 16, 3), np.uint8)
    frames = tuple(Frame(picture=np.roll(rows, shift, 0), spec=Given(picture="")) for shift in (0, 5))
    files = {}
    for suffix in SUFFIXES:
        shown = frames[:1] if suffix == ".png" else frames
        path = write(Clip(frames=shown, rate=Fraction(4), recipe='{"recipe": 2}'), folder / f"clip{suffix}").path
        files[suffix] = path.read_bytes()
    return files


def outcome(path: Path) -> None:
    """Read a file both ways; anything but a value or one sentence is an error of ours."""
    said = ""
    try:
        told = read_recipe(path)
        assert told is None or isinstance(told, str)
    except ExportError as error:
        said += str(error)
    try:
        read = read_clip(path)
        assert len(read.pictures) == len(read.seconds) > 0
    except PictureError as error:
        said += str(error)
    assert "\n" not in said


@pytest.mark.parametrize("suffix", SUFFIXES)
@fuzzed
@given(share=some.floats(0, 1))
def test_a_file_cut_short(whole: dict[str, bytes], tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[suffix][: int(len(whole[suffix]) * share)])
    outcome(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@fuzzed
@given(changes=some.lists(some.tuples(some.floats(0, 1, exclude_max=True), some.integers(0, 255)), min_size=1, max_size=6))
def test_a_file_with_wrong_bytes(whole: dict[str, bytes], tmp_path: Path, suffix: str, changes: list[tuple[float, int]]) -> None:
    data = bytearray(whole[suffix])
    for share, value in changes:
        data[int(share * len(data))] = value
    path = tmp_path / f"wrong{suffix}"
    path.write_bytes(data)
    outcome(path)


@fuzzed
@given(
    junk=some.binary(max_size=300),
    suffix=some.sampled_from(SUFFIXES),
    start=some.sampled_from(BEGINNINGS),
)
def test_a_file_of_junk(tmp_path: Path, junk: bytes, suffix: str, start: bytes) -> None:
    path = tmp_path / f"junk{suffix}"
    path.write_bytes(start + junk)
    outcome(path)
