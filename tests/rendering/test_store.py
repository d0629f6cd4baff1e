"""Pictures appear whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sakuga.paths import home
from sakuga.rendering.store import FrameStore, StoreError
from sakuga.timeline.spec import Drawn, digest

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def test_a_picture_comes_back_to_the_bit_with_its_spec_and_attempts(store: FrameStore, draw: Callable[..., Drawn]) -> None:
    spec = draw("雪の城")
    name = store.write(spec, PICTURE, attempts=2)
    assert name == digest(spec)
    assert store.path(name).relative_to(store.root).as_posix() == f"{name[:2]}/{name}.png"
    assert np.array_equal(store.read(name), PICTURE)
    assert (store.spec(name), store.attempts(name)) == (spec, 2)
    assert list(store.names()) == [name]
    assert store.size() == store.path(name).stat().st_size


def test_the_same_frame_is_the_same_file(store: FrameStore, tmp_path: Path, draw: Callable[..., Drawn]) -> None:
    other = FrameStore(tmp_path / "other")
    name = store.write(draw(), PICTURE)
    other.write(draw(), PICTURE)
    assert store.path(name).read_bytes() == other.path(name).read_bytes()


@pytest.mark.parametrize("damage", ["empty", "cut", "bit"])
def test_a_damaged_file_counts_as_missing(store: FrameStore, draw: Callable[..., Drawn], damage: str) -> None:
    name = store.write(draw(), PICTURE)
    assert store.has(name)
    whole = store.path(name).read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    store.path(name).write_bytes({"empty": b"", "cut": whole[:-20], "bit": bytes(flipped)}[damage])
    os.utime(store.path(name), (1, 1))
    assert not store.has(name)
    store.write(draw(), PICTURE)
    assert store.has(name)


def test_a_missing_frame_is_an_error_in_one_sentence(store: FrameStore) -> None:
    assert not store.has("ab" * 32)
    with pytest.raises(StoreError, match="frame abababababab is not in the store"):
        store.read("ab" * 32)


def test_a_given_picture_is_named_by_its_pixels(store: FrameStore) -> None:
    spec = store.given(PICTURE)
    assert store.given(PICTURE.copy()) == spec
    assert store.given(255 - PICTURE) != spec
    assert store.given(PICTURE.reshape(32, 24, 3)) != spec
    assert np.array_equal(store.read(digest(spec)), PICTURE)


def test_cleaning_deletes_the_oldest_drawn_frames_and_no_given_ones(store: FrameStore, draw: Callable[..., Drawn]) -> None:
    given = digest(store.given(PICTURE))
    drawn = [store.write(draw(seed=seed), PICTURE) for seed in range(4)]
    for age, name in enumerate([given, *drawn]):
        os.utime(store.path(name), (age, age))
    one = store.path(drawn[0]).stat().st_size
    assert store.clean(store.size()) == []
    assert store.clean(store.size() - one - 1) == drawn[:2]
    assert store.clean(0) == drawn[2:]
    assert list(store.names()) == [given]


def test_a_store_that_cannot_be_written_says_so_and_leaves_nothing(tmp_path: Path, draw: Callable[..., Drawn]) -> None:
    (tmp_path / "frames").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="cannot be kept in"):
        FrameStore(tmp_path / "frames").write(draw(), PICTURE)


def test_nothing_is_left_beside_when_a_write_fails(store: FrameStore, draw: Callable[..., Drawn]) -> None:
    name = digest(draw())
    store.path(name).mkdir(parents=True)
    with pytest.raises(StoreError):
        store.write(draw(), PICTURE)
    assert [path.name for path in store.path(name).parent.iterdir()] == [f"{name}.png"]


def test_the_home_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SAKUGA_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("SAKUGA_HOME")
    assert home().name == "sakuga"
