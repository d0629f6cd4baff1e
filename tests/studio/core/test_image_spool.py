"""Images that are kept on disk come back as they were, and leave nothing behind."""

import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sakuga.rendering.store import StoreError
from sakuga.studio.core import image_spool
from sakuga.studio.core.image_spool import ImageSpool


def images(count: int, height: int = 12, width: int = 16) -> list[np.ndarray]:
    rng = np.random.default_rng(count)
    return [rng.integers(0, 256, (height, width, 3), np.uint8) for _ in range(count)]


@pytest.mark.parametrize(("in_memory", "unpacked"), [(1 << 20, 1 << 20), (1000, 1 << 20), (1000, 0), (1000, 2000)])
def test_images_come_back_in_any_order(in_memory: int, unpacked: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_spool, "IN_MEMORY", in_memory)
    monkeypatch.setattr(image_spool, "UNPACKED", unpacked)
    shown = [*images(5), *images(2, 7, 9)]
    with ImageSpool(tmp_path) as spool:
        first, second = spool.keep(shown), spool.keep(reversed(shown))
        assert all(np.array_equal(kept, true) for kept, true in zip(first, shown, strict=True))
        assert all(np.array_equal(second[-1 - place], true) for place, true in enumerate(shown))
        assert all(np.array_equal(kept, true) for kept, true in zip(first[1::2], shown[1::2], strict=True))
        assert all(np.array_equal(kept, true) for kept, true in zip(first, shown, strict=True))
    assert not list(tmp_path.iterdir())


@settings(deadline=None, max_examples=30)
@given(height=some.integers(1, 6), width=some.integers(1, 6), seed=some.integers(0, 99), depth=some.sampled_from([np.uint8, np.uint16]))
def test_compression_is_lossless(height: int, width: int, seed: int, depth: type[np.uint8 | np.uint16]) -> None:
    image = np.random.default_rng(seed).integers(0, np.iinfo(depth).max, (height, width, 3), depth, endpoint=True)
    content = image_spool._packed(image)
    stored = image_spool._Stored(start=0, length=len(content), shape=image.shape, type=image.dtype.str, packed=True)
    assert np.array_equal(image_spool._unpacked(content, stored), image)


def test_a_hold_is_stored_once_and_is_one_array(tmp_path: Path) -> None:
    one, other = images(2)
    with ImageSpool(tmp_path) as spool:
        first, again, and_again, _ = spool.keep([one, one.copy(), one, other])
        stored = spool._end
    assert first is again is and_again
    assert stored == one.nbytes + other.nbytes


def test_few_images_are_in_memory_at_once(tmp_path: Path) -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def counted(shown: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        nonlocal most
        for one in shown:
            made = one.copy()
            alive[:] = [ref for ref in alive if ref() is not None] + [weakref.ref(made)]
            most = max(most, len(alive))
            yield made

    with ImageSpool(tmp_path) as spool:
        cells = spool.keep(counted(images(30)))
        assert len(spool.keep(counted(cells))) == 30
    assert most <= 3


def test_the_nearest_folder_that_exists_is_taken(tmp_path: Path) -> None:
    with ImageSpool(tmp_path / "new" / "deep") as spool:
        assert spool.folder == tmp_path
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_reported_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ImageSpool(tmp_path) as spool, Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr(spool, "_file", full)
        with pytest.raises(StoreError, match=r"cannot be kept in .* \(no space left on device\): make room there"):
            spool.keep(images(1))
    assert not list(tmp_path.iterdir())
