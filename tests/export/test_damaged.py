"""Reading a recipe from any bytes ends with a text, None, or an error of one sentence."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from sakuga.datasets.clips import read_clip
from sakuga.datasets.image_reading import ImageError
from sakuga.export import ExportError, read_recipe, write
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given

SUFFIXES = (".gif", ".webp", ".apng", ".png", ".mp4", ".webm")
BEGINNINGS = (b"", b"GIF89a", b"RIFF", b"\x89PNG\r\n\x1a\n")
fuzzed = settings(deadline=None, max_examples=20, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("files")
    rows = np.arange(16, dtype=np.uint8)[:, None, None] * 10 + np.zeros((16, 16, 3), np.uint8)
    frames = tuple(Frame(image=np.roll(rows, shift, 0), spec=Given(image="")) for shift in (0, 5))
    made = {}
    for suffix in SUFFIXES:
        shown = frames[:1] if suffix == ".png" else frames
        path = write(Clip(frames=shown, rate=Fraction(4), recipe='{"recipe": 2}'), folder / f"clip{suffix}").path
        made[suffix] = path.read_bytes()
    return made


def outcome(path: Path) -> None:
    """Read a file both ways; anything but a value or one sentence is an error of ours."""
    message = ""
    try:
        recipe = read_recipe(path)
        assert recipe is None or isinstance(recipe, str)
    except ExportError as error:
        message += str(error)
    try:
        read = read_clip(path)
        assert len(read.images) == len(read.seconds) > 0
    except ImageError as error:
        message += str(error)
    assert "\n" not in message


@pytest.mark.parametrize("suffix", SUFFIXES)
@fuzzed
@given(share=some.floats(0, 1))
def test_a_file_cut_short(files: dict[str, bytes], tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(files[suffix][: int(len(files[suffix]) * share)])
    outcome(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@fuzzed
@given(changes=some.lists(some.tuples(some.floats(0, 1, exclude_max=True), some.integers(0, 255)), min_size=1, max_size=6))
def test_a_file_with_wrong_bytes(files: dict[str, bytes], tmp_path: Path, suffix: str, changes: list[tuple[float, int]]) -> None:
    data = bytearray(files[suffix])
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
