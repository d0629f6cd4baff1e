"""Frames are stored atomically, and a damaged one counts as missing."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PILImage
from PIL.PngImagePlugin import PngInfo

from sakuga.rendering.store import FrameStore, InBetweenStore, StoreError, cached_upscale, given_spec
from sakuga.timeline.spec import Generated, InBetween, digest

PICTURE = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def test_an_image_is_read_back_exactly_with_its_spec_and_attempts(store: FrameStore, draw: Callable[..., Generated]) -> None:
    spec = draw("雪の城")
    name = store.write(spec, PICTURE, attempts=2)
    assert name == digest(spec)
    assert store.path(name).relative_to(store.root).as_posix() == f"{name[:2]}/{name}.png"
    assert np.array_equal(store.read(name), PICTURE)
    assert (store.spec(name), store.attempts(name)) == (spec, 2)
    assert list(store.names()) == [name]
    assert store.size() == store.path(name).stat().st_size


def test_the_same_frame_is_the_same_file(store: FrameStore, tmp_path: Path, draw: Callable[..., Generated]) -> None:
    other = FrameStore(tmp_path / "other")
    name = store.write(draw(), PICTURE)
    other.write(draw(), PICTURE)
    assert store.path(name).read_bytes() == other.path(name).read_bytes()


@pytest.mark.parametrize("damage", ["empty", "cut", "bit"])
def test_a_damaged_file_counts_as_missing(store: FrameStore, draw: Callable[..., Generated], damage: str) -> None:
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


def test_a_supplied_image_is_named_by_its_pixels(store: FrameStore) -> None:
    spec = store.write_given(PICTURE)
    assert store.write_given(PICTURE.copy()) == spec
    assert store.write_given(255 - PICTURE) != spec
    assert store.write_given(PICTURE.reshape(32, 24, 3)) != spec
    assert np.array_equal(store.read(digest(spec)), PICTURE)


def test_cleaning_deletes_the_oldest_generated_frames_and_no_supplied_ones(store: FrameStore, draw: Callable[..., Generated]) -> None:
    given = digest(store.write_given(PICTURE))
    drawn = [store.write(draw(seed=seed), PICTURE) for seed in range(4)]
    for age, name in enumerate([given, *drawn]):
        os.utime(store.path(name), (age, age))
    one = store.path(drawn[0]).stat().st_size
    assert store.clean(store.size()) == []
    assert store.clean(store.size() - one - 1) == drawn[:2]
    assert store.clean(0) == drawn[2:]
    assert list(store.names()) == [given]


def test_cleaning_many_frames_deletes_as_many_as_it_must_around_supplied_ones(store: FrameStore, draw: Callable[..., Generated]) -> None:
    given = {digest(store.write_given(PICTURE + np.uint8(shade))) for shade in range(3)}
    drawn = [store.write(draw(seed=seed), PICTURE) for seed in range(200)]
    for age, name in enumerate([*drawn[:10], *given, *drawn[10:]]):
        os.utime(store.path(name), (age, age))
    kept = sum(store.path(name).stat().st_size for name in (*given, *drawn[150:]))
    assert store.clean(kept) == drawn[:150], "supplied images are not counted as deleted"
    assert set(store.names()) == {*given, *drawn[150:]}


def test_frames_of_any_version_are_cleaned_away(store: FrameStore, draw: Callable[..., Generated]) -> None:
    name = store.write(draw(), PICTURE)
    old = PngInfo()
    old.add_itxt("sakuga:spec", '{"kind":"drawn","told":"a castle"}')
    PILImage.fromarray(PICTURE).save(store.path(name), pnginfo=old)
    assert store.clean(0) == [name]


def test_a_store_that_cannot_be_written_says_so_and_leaves_nothing(tmp_path: Path, draw: Callable[..., Generated]) -> None:
    (tmp_path / "frames").write_text("a file where a folder should be")
    with pytest.raises(StoreError, match="cannot be written to"):
        FrameStore(tmp_path / "frames").write(draw(), PICTURE)


def test_no_temporary_file_is_left_when_a_write_fails(store: FrameStore, draw: Callable[..., Generated]) -> None:
    name = digest(draw())
    store.path(name).mkdir(parents=True)
    with pytest.raises(StoreError):
        store.write(draw(), PICTURE)
    assert [path.name for path in store.path(name).parent.iterdir()] == [f"{name}.png"]


def test_cleaning_leaves_what_is_no_frame_of_the_store(store: FrameStore, draw: Callable[..., Generated], tmp_path: Path) -> None:
    name = store.write(draw(), PICTURE)
    photos = tmp_path / "photos"
    for folder in (photos, store.root / "de"):
        folder.mkdir()
        PILImage.fromarray(PICTURE).save(folder / "holiday.png")
        PILImage.fromarray(PICTURE).save(folder / f"{'0' * 64}.png.png")
    PILImage.fromarray(PICTURE).save(photos / f"{'0' * 64}.png")
    (store.root / "aa").symlink_to(photos)
    assert store.clean(0) == [name]
    assert len(list(photos.iterdir())) == 3
    assert len(list((store.root / "de").iterdir())) == 2


def test_a_frame_that_claims_to_be_huge_counts_as_missing(store: FrameStore, draw: Callable[..., Generated]) -> None:
    name = store.write(draw(), PICTURE)
    content = bytearray(store.path(name).read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    store.path(name).write_bytes(content)
    assert not store.has(name)
    with pytest.raises(StoreError, match="render it first"):
        store.read(name)


def test_in_betweens_are_stored_by_their_pixels_and_deleted_first(store: FrameStore, draw: Callable[..., Generated]) -> None:
    frame, cache = store.write(draw(), PICTURE), InBetweenStore(store.derived)
    spec = InBetween(first="a", second="b", at=0.5)
    assert cache.get(PICTURE, PICTURE[::-1], spec) is None
    cache.put(PICTURE, PICTURE[::-1], spec, PICTURE)
    renamed = InBetween(first="c", second="d", at=0.5)
    assert np.array_equal(cache.get(PICTURE.copy(), PICTURE[::-1].copy(), renamed), PICTURE), "names of the two frames do not matter"
    assert cache.get(255 - PICTURE, PICTURE[::-1], spec) is None
    assert cache.get(PICTURE, PICTURE[::-1], InBetween(first="a", second="b", at=0.25)) is None
    assert cache.get(PICTURE, PICTURE[::-1], InBetween(first="a", second="b", at=0.5, method="crossfade")) is None
    path = store.derived.path(cache.key(PICTURE, PICTURE[::-1], spec))
    assert (path.parents[1].name, list(store.names())) == ("derived", [frame])
    assert store.size() == path.stat().st_size + store.path(frame).stat().st_size
    os.utime(store.path(frame), (1, 1))
    assert store.clean(store.size() - 1) == [path.stem]
    assert list(store.names()) == [frame]


def test_an_image_is_named_once_for_all_in_betweens_of_its_pair(store: FrameStore, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[np.ndarray] = []
    monkeypatch.setattr("sakuga.rendering.store.given_spec", lambda image: named.append(image) or given_spec(image))
    cache, (first, second, third) = InBetweenStore(store.derived), [PICTURE + np.uint8(shade) for shade in range(3)]
    for pair in ((first, second), (second, third)):
        for place in (0.25, 0.5, 0.75):
            spec = InBetween(first="a", second="b", at=place)
            assert cache.get(*pair, spec) is None
            cache.put(*pair, spec, PICTURE)
    assert len(named) == 3


def test_latent_in_betweens_are_stored_by_checkpoint(store: FrameStore) -> None:
    spec = InBetween(first="a", second="b", at=0.5, method="latent")
    InBetweenStore(store.derived, "one").put(PICTURE, PICTURE, spec, PICTURE)
    assert InBetweenStore(store.derived, "one").get(PICTURE, PICTURE, spec) is not None
    assert InBetweenStore(store.derived, "other").get(PICTURE, PICTURE, spec) is None


def test_an_image_is_upscaled_once(store: FrameStore) -> None:
    seen = []

    def upscale2x(image: np.ndarray) -> np.ndarray:
        seen.append(image)
        return image.repeat(2, 0).repeat(2, 1)

    shown = [cached_upscale(upscale2x, network, store.derived)(PICTURE.copy()) for network in ("one", "one", "other")]
    assert all(np.array_equal(image, PICTURE.repeat(2, 0).repeat(2, 1)) for image in shown)
    assert len(seen) == 2


def test_a_damaged_in_between_counts_as_missing(store: FrameStore) -> None:
    spec, cache = InBetween(first="a", second="b", at=0.5), InBetweenStore(store.derived)
    cache.put(PICTURE, PICTURE, spec, PICTURE)
    path = store.derived.path(cache.key(PICTURE, PICTURE, spec))
    path.write_bytes(path.read_bytes()[:-30])
    assert cache.get(PICTURE, PICTURE, spec) is None
