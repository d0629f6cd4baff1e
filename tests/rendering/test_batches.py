"""Only missing frames are planned, after all they need, in batches of the planned width."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakuga.rendering.batches import Batch, BatchPlanError, plan_batches
from sakuga.timeline.spec import (
    Digest,
    FrameSpec,
    Generated,
    Given,
    ImageEmbedding,
    InBetween,
    InitImage,
    Prompt,
    SeedNoise,
    dependencies,
    digest,
)

BASE = Generated(checkpoint="c", conditioning=Prompt(prompt="p"), noise=SeedNoise(seed=0), width=32, height=32)


def by_name(specs: Iterable[FrameSpec]) -> dict[Digest, FrameSpec]:
    return {digest(spec): spec for spec in specs}


def nothing(name: Digest) -> bool:
    return False


def follow(spec: FrameSpec, **changes: object) -> Generated:
    return replace(BASE, init=InitImage(frame=digest(spec), strength=0.5), **changes)


def chain(length: int) -> list[Generated]:
    frames = [BASE]
    for seed in range(1, length):
        frames.append(follow(frames[-1], noise=SeedNoise(seed=seed)))
    return frames


def test_a_chain_is_planned_frame_by_frame_from_the_first_missing_one() -> None:
    frames = chain(5)
    specs = by_name(frames)
    assert [batch.frames for batch in plan_batches(specs, specs, nothing)] == [(frame,) for frame in frames]
    drawn = {digest(frame) for frame in frames[:3]}
    assert [batch.frames for batch in plan_batches(specs, specs, drawn.__contains__)] == [(frame,) for frame in frames[3:]]


def test_a_frame_that_only_a_stored_frame_needs_is_not_rendered_again() -> None:
    frames = chain(3)
    drawn = {digest(frames[1])}
    assert [batch.frames for batch in plan_batches(by_name(frames), [digest(frames[2])], drawn.__contains__)] == [(frames[2],)]
    assert list(plan_batches(by_name(frames), [digest(frames[1])], drawn.__contains__)) == []


def test_changing_one_frame_renders_only_its_dependents() -> None:
    before = chain(4)
    changed = [*before[:2], follow(before[1], noise=SeedNoise(seed=99))]
    changed.append(follow(changed[2], noise=SeedNoise(seed=3)))
    drawn = {digest(frame) for frame in before}
    assert [batch.frames for batch in plan_batches(by_name(changed), by_name(changed), drawn.__contains__)] == [
        (changed[2],),
        (changed[3],),
    ]


def test_independent_frames_of_equal_settings_share_batches() -> None:
    wide = [replace(BASE, batch=4, noise=SeedNoise(seed=seed)) for seed in range(6)]
    small = [replace(BASE, batch=4, noise=SeedNoise(seed=seed), width=64) for seed in range(2)]
    batches = list(plan_batches(by_name([wide[0], small[0], *wide[1:], small[1]]), by_name([*wide, *small]), nothing))
    assert [batch.frames for batch in batches] == [tuple(wide[:4]), tuple(small), tuple(wide[4:])]
    assert [batch.width for batch in batches] == [4, 4, 4]


@pytest.mark.parametrize("side", ["conditioning", "negative"])
def test_frames_whose_prompts_are_composed_share_no_batch_with_other_prompts(side: str) -> None:
    one, other = (replace(BASE, batch=4, **{side: Prompt(prompt=text, grammar="whole")}) for text in ("a AND b", "c"))
    same = replace(one, noise=SeedNoise(seed=1))
    batches = list(plan_batches(by_name([one, other, same]), by_name([one, other, same]), nothing))
    assert [batch.frames for batch in batches] == [(one, same), (other,)]


def test_frames_around_one_keyframe_wait_for_it_and_then_go_together() -> None:
    around = [follow(BASE, batch=4, noise=SeedNoise(seed=seed), conditioning=Prompt(prompt=str(seed))) for seed in range(1, 4)]
    assert [len(batch.frames) for batch in plan_batches(by_name([BASE, *around]), by_name(around), nothing)] == [1, 3]


def test_in_betweens_are_part_of_the_batch_that_starts_from_them() -> None:
    second = replace(BASE, noise=SeedNoise(seed=1))
    between = InBetween(first=digest(BASE), second=digest(second), at=0.5)
    nested = InBetween(first=digest(between), second=digest(second), at=0.5)
    last = follow(nested, conditioning=ImageEmbedding(frame=digest(BASE)))
    batches = list(plan_batches(by_name([BASE, second, between, nested, last]), [digest(last)], nothing))
    assert [batch.frames for batch in batches] == [(BASE,), (second,), (last,)]
    assert set(batches[2].derived) == {between, nested}
    assert batches[0].derived == ()


def test_a_missing_image_or_spec_is_named() -> None:
    picture = Given(image="f" * 64)
    with pytest.raises(BatchPlanError, match=f"image {digest(picture)[:12]}"):
        list(plan_batches(by_name([picture, follow(picture)]), [digest(follow(picture))], nothing))
    with pytest.raises(BatchPlanError, match="which has no spec"):
        list(plan_batches(by_name([follow(BASE)]), [digest(follow(BASE))], nothing))


def test_a_batch_says_which_stored_frames_it_waits_for() -> None:
    second = replace(BASE, noise=SeedNoise(seed=1))
    between = InBetween(first=digest(BASE), second=digest(second), at=0.5)
    picture = Given(image="f" * 64)
    last = follow(between, conditioning=ImageEmbedding(frame=digest(picture)))
    assert Batch(frames=(last,), derived=(between,)).needs == {digest(BASE), digest(second), digest(picture)}
    assert Batch(frames=(BASE,)).needs == frozenset()


def test_ten_thousand_frames_with_settings_of_their_own_are_planned_in_seconds() -> None:
    keyframe = replace(BASE, batch=4)
    frames = [follow(keyframe, batch=4, guidance=1 + place / 1e4, noise=SeedNoise(seed=place)) for place in range(10_000)]
    specs = by_name([keyframe, *frames])
    started = process_time()
    assert [batch.frames for batch in plan_batches(specs, specs, nothing)] == [(keyframe,), *((frame,) for frame in frames)]
    assert process_time() - started < 15


def test_a_long_film_is_planned_quickly() -> None:
    frames = chain(3000)
    assert sum(1 for _ in plan_batches(by_name(frames), [digest(frames[-1])], nothing)) == 3000


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 3), st.booleans()), min_size=1, max_size=15), st.sets(st.integers(0, 14)))
def test_every_missing_frame_is_rendered_once_after_all_it_needs(links: list[tuple[int, int, bool]], already: set[int]) -> None:
    frames: list[FrameSpec] = [BASE]
    for seed, (back, batch, between) in enumerate(links, start=1):
        leaned = frames[back % len(frames)]
        if between:
            frames.append(InBetween(first=digest(leaned), second=digest(frames[-1]), at=1 / (seed + 1)))
        else:
            frames.append(follow(leaned, batch=batch, noise=SeedNoise(seed=seed)))
    specs = by_name(frames)
    landed = {digest(frame) for place, frame in enumerate(frames) if place in already and isinstance(frame, Generated)}
    before = set(landed)
    for batch in plan_batches(specs, specs, before.__contains__):
        available = landed | {digest(spec) for spec in batch.derived}
        for frame in batch.frames:
            assert digest(frame) not in landed
            assert set(dependencies(frame)) <= available
        assert len(batch.frames) <= batch.width
        assert all(first.batch == second.batch for first, second in pairwise(batch.frames))
        landed |= set(batch.names)
    assert landed == {name for name, spec in specs.items() if isinstance(spec, Generated)}
