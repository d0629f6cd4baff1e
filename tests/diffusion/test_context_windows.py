"""Context windows cover a clip and overlap; FreeNoise shuffles, and repeats no window."""

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from sakuga.diffusion.context_windows import context_weights, context_windows
from sakuga.diffusion.free_noise import free_noise, free_noise_order

frames, contexts, steps = st.integers(1, 90), st.integers(2, 20), st.integers(0, 999)


@given(frames, contexts, st.data(), st.booleans(), steps)
def test_windows_cover_all_frames_and_are_no_longer_than_a_context(
    frames: int, context: int, data: st.DataObject, closed: bool, step: int
) -> None:
    windows = context_windows(frames, context, data.draw(st.integers(0, context - 1)), closed=closed, step=step)
    assert {frame for window in windows for frame in window} == set(range(frames))
    assert {len(window) for window in windows} == {min(frames, context)}


@given(frames, contexts, st.data(), st.booleans(), steps)
def test_neighbours_share_the_overlap(frames: int, context: int, data: st.DataObject, closed: bool, step: int) -> None:
    overlap = data.draw(st.integers(0, context - 1))
    windows = context_windows(frames, context, overlap, closed=closed, step=step)
    around = windows + windows[:1] if closed else windows
    shared = [len(set(one) & set(other)) for one, other in pairwise(around)]
    assert all(count >= min(overlap, frames - 1) for count in shared)


@given(frames, contexts, steps)
def test_a_closed_clip_has_no_joint_in_all_windows(frames: int, context: int, step: int) -> None:
    joints = [(window[-1], window[0]) for window in context_windows(frames, context, context // 4, closed=True, step=step)]
    assert frames < 2 or len(set(joints)) > 1


def test_the_joints_of_a_closed_clip_turn_with_the_step() -> None:
    starts = {context_windows(16, 16, 4, closed=True, step=step)[0][0] for step in range(0, 1000, 50)}
    assert len(starts) > 10


def test_weights_are_symmetrical_and_highest_in_the_middle() -> None:
    weights = context_weights(16)
    assert weights == sorted(weights[:8]) + sorted(weights[8:], reverse=True)
    torch.testing.assert_close(weights, weights[::-1])
    assert min(weights) > 0


@given(st.integers(1, 80), st.integers(2, 20), st.data())
def test_every_context_of_free_noise_has_each_noise_once(frames: int, context: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, context))
    order = free_noise_order(frames, context, stride, seed=1)
    assert order[:context] == list(range(min(frames, context)))
    assert len(order) == frames
    blocks = range(context, frames - stride + 1, stride)
    assert all(sorted(order[start : start + stride]) == sorted(order[start - context : start - context + stride]) for start in blocks)


def test_free_noise_is_shuffled_and_decided_by_its_seed() -> None:
    order = free_noise_order(64, 16, 12, seed=3)
    assert order == free_noise_order(64, 16, 12, seed=3) != free_noise_order(64, 16, 12, seed=4)
    assert order[16:28] != order[:12]
    noise = torch.randn(40, 2, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(free_noise(noise, 16, 12, seed=3), noise[order[:40]])


def test_windows_are_as_few_as_do_and_evenly_spread() -> None:
    assert context_windows(6, 4, 1) == [[0, 1, 2, 3], [2, 3, 4, 5]]
    assert [window[0] for window in context_windows(40, 16, 4)] == [0, 12, 24]
