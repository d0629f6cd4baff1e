import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakuga.datasets.buckets import Box, BucketError, buckets, crop_box, nearest_bucket

SIDES = st.integers(16, 5000)
SHARES = st.floats(0, 1)


def test_the_buckets_of_512_are_those_of_common_trainers() -> None:
    assert buckets(512, 64) == [
        (256, 1024), (256, 960), (256, 896), (256, 832), (320, 768), (320, 704), (384, 640), (448, 576), (512, 512), (576, 448),
        (640, 384), (704, 320), (768, 320), (832, 256), (896, 256), (960, 256), (1024, 256),
    ]  # fmt: skip


@settings(deadline=None)
@given(st.integers(1, 40), st.sampled_from([8, 32, 64]))
def test_every_bucket_respects_the_step_the_sides_and_the_area(steps: int, step: int) -> None:
    size = steps * step
    found = buckets(size, step)
    assert (size, size) in found
    assert len(found) == len(set(found))
    for width, height in found:
        assert width % step == height % step == 0
        assert width * height <= size * size
        assert size / 2 <= min(width, height) <= max(width, height) <= 2 * size
        assert (height, width) in found
    shapes = [width / height for width, height in found]
    assert shapes == sorted(shapes)


@settings(deadline=None)
@given(SIDES, SIDES)
def test_no_other_bucket_has_a_nearer_shape(width: int, height: int) -> None:
    found = buckets(128, 8)
    chosen = nearest_bucket(width, height, found)

    def distance(bucket: tuple[int, int]) -> float:
        ratio = (width / height) / (bucket[0] / bucket[1])
        return max(ratio, 1 / ratio)

    assert distance(chosen) <= min(distance(bucket) for bucket in found) * (1 + 1e-8)
    turned = nearest_bucket(height, width, found)
    assert distance(turned[::-1]) == pytest.approx(distance(chosen)), "a rotated image loses as much"


def test_the_largest_bucket_of_one_shape_wins() -> None:
    assert nearest_bucket(300, 300, [(64, 64), (128, 128), (96, 96)]) == (128, 128)


@settings(deadline=None)
@given(SIDES, SIDES, st.sampled_from(buckets(512, 64)), SHARES, SHARES)
def test_a_crop_lies_within_and_is_the_largest_of_its_shape(width: int, height: int, bucket: tuple[int, int], x: float, y: float) -> None:
    box = crop_box(width, height, bucket, (x, y))
    assert 0 <= box.left < box.right <= width
    assert 0 <= box.top < box.bottom <= height
    assert box.width == width or box.height == height
    off = abs(box.width - box.height * bucket[0] / bucket[1]), abs(box.height - box.width * bucket[1] / bucket[0])
    assert min(off) <= 0.5 + 1e-9, "to the nearest pixel"


def test_the_focus_comes_to_the_middle_unless_an_edge_is_nearer() -> None:
    assert crop_box(400, 100, (128, 128), (0.5, 0.5)) == Box(left=150, top=0, right=250, bottom=100)
    assert crop_box(400, 100, (128, 128), (0.25, 0.0)) == Box(left=50, top=0, right=150, bottom=100)
    assert crop_box(400, 100, (128, 128), (0.0, 1.0)) == Box(left=0, top=0, right=100, bottom=100)
    assert crop_box(100, 400, (128, 128), (0.5, 1.0)) == Box(left=0, top=300, right=100, bottom=400)


def test_an_image_of_its_buckets_shape_is_not_cropped() -> None:
    assert crop_box(1280, 768, (640, 384), (0.0, 0.0)).share_of(1280, 768) == 1.0


@pytest.mark.parametrize(("size", "step", "message"), [(500, 64, "choose 448 or 512"), (32, 64, "at least one step"), (64, 0, "no bucket")])
def test_sizes_that_give_no_bucket_are_refused(size: int, step: int, message: str) -> None:
    with pytest.raises(BucketError, match=message):
        buckets(size, step)


def test_an_empty_image_and_no_buckets_are_refused() -> None:
    with pytest.raises(BucketError, match="0x5"):
        nearest_bucket(0, 5, [(64, 64)])
    with pytest.raises(BucketError, match="among 0"):
        nearest_bucket(5, 5, [])
    with pytest.raises(BucketError, match="cannot be cropped"):
        crop_box(0, 5, (64, 64))
