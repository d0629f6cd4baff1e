"""Only what is missing is planned, in an order that can be drawn, in batches of the planned width."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sakuga.rendering.batches import PlanError, plan
from sakuga.timeline.spec import Between, Digest, Drawn, FrameSpec, Given, Image, Seeded, Start, Text, digest, needs

BASE = Drawn(checkpoint="c", conditioning=Text(prompt="p"), noise=Seeded(seed=0), width=32, height=32)


def by_name(specs: Iterable[FrameSpec]) -> dict[Digest, FrameSpec]:
    return {digest(spec): spec for spec in specs}


def nothing(name: Digest) -> bool:
    return False


def follow(spec: FrameSpec, **changes: object) -> Drawn:
    return replace(BASE, start=Start(frame=digest(spec), strength=0.5), **changes)


def chain(length: int) -> list[Drawn]:
    frames = [BASE]
    for seed in range(1, length):
        frames.append(follow(frames[-1], noise=Seeded(seed=seed)))
    return frames


def test_a_chain_is_drawn_link_by_link_and_goes_on_where_it_broke() -> None:
    frames = chain(5)
    specs = by_name(frames)
    assert [batch.frames for batch in plan(specs, specs, nothing)] == [(frame,) for frame in frames]
    drawn = {digest(frame) for frame in frames[:3]}
    assert [batch.frames for batch in plan(specs, specs, drawn.__contains__)] == [(frame,) for frame in frames[3:]]


def test_a_frame_that_only_a_drawn_frame_leans_on_is_not_drawn_again() -> None:
    frames = chain(3)
    drawn = {digest(frames[1])}
    assert [batch.frames for batch in plan(by_name(frames), [digest(frames[2])], drawn.__contains__)] == [(frames[2],)]
    assert list(plan(by_name(frames), [digest(frames[1])], drawn.__contains__)) == []


def test_changing_one_frame_draws_only_what_leans_on_it() -> None:
    before = chain(4)
    changed = [*before[:2], follow(before[1], noise=Seeded(seed=99))]
    changed.append(follow(changed[2], noise=Seeded(seed=3)))
    drawn = {digest(frame) for frame in before}
    assert [batch.frames for batch in plan(by_name(changed), by_name(changed), drawn.__contains__)] == [(changed[2],), (changed[3],)]


def test_independent_frames_of_equal_settings_share_batches() -> None:
    wide = [replace(BASE, batch=4, noise=Seeded(seed=seed)) for seed in range(6)]
    small = [replace(BASE, batch=4, noise=Seeded(seed=seed), width=64) for seed in range(2)]
    batches = list(plan(by_name([wide[0], small[0], *wide[1:], small[1]]), by_name([*wide, *small]), nothing))
    assert [batch.frames for batch in batches] == [tuple(wide[:4]), tuple(small), tuple(wide[4:])]
    assert [batch.width for batch in batches] == [4, 4, 4]


def test_frames_around_one_keyframe_wait_for_it_and_then_go_together() -> None:
    around = [follow(BASE, batch=4, noise=Seeded(seed=seed), conditioning=Text(prompt=str(seed))) for seed in range(1, 4)]
    assert [len(batch.frames) for batch in plan(by_name([BASE, *around]), by_name(around), nothing)] == [1, 3]


def test_betweens_are_looked_through_and_carried_along() -> None:
    second = replace(BASE, noise=Seeded(seed=1))
    between = Between(first=digest(BASE), second=digest(second), at=0.5)
    nested = Between(first=digest(between), second=digest(second), at=0.5)
    last = follow(nested, conditioning=Image(frame=digest(BASE)))
    batches = list(plan(by_name([BASE, second, between, nested, last]), [digest(last)], nothing))
    assert [batch.frames for batch in batches] == [(BASE,), (second,), (last,)]
    assert set(batches[2].betweens) == {between, nested}
    assert batches[0].betweens == ()


def test_a_missing_picture_or_spec_is_named() -> None:
    picture = Given(picture="f" * 64)
    with pytest.raises(PlanError, match=f"picture {digest(picture)[:12]}"):
        list(plan(by_name([picture, follow(picture)]), [digest(follow(picture))], nothing))
    with pytest.raises(PlanError, match="of which nothing is known"):
        list(plan(by_name([follow(BASE)]), [digest(follow(BASE))], nothing))


def test_a_long_film_is_planned_quickly() -> None:
    frames = chain(3000)
    assert sum(1 for _ in plan(by_name(frames), [digest(frames[-1])], nothing)) == 3000


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 3), st.booleans()), min_size=1, max_size=15), st.sets(st.integers(0, 14)))
def test_every_missing_frame_is_drawn_once_after_all_it_needs(links: list[tuple[int, int, bool]], already: set[int]) -> None:
    frames: list[FrameSpec] = [BASE]
    for seed, (back, batch, between) in enumerate(links, start=1):
        leaned = frames[back % len(frames)]
        if between:
            frames.append(Between(first=digest(leaned), second=digest(frames[-1]), at=1 / (seed + 1)))
        else:
            frames.append(follow(leaned, batch=batch, noise=Seeded(seed=seed)))
    specs = by_name(frames)
    landed = {digest(frame) for place, frame in enumerate(frames) if place in already and isinstance(frame, Drawn)}
    before = set(landed)
    for batch in plan(specs, specs, before.__contains__):
        available = landed | {digest(spec) for spec in batch.betweens}
        for frame in batch.frames:
            assert digest(frame) not in landed
            assert set(needs(frame)) <= available
        assert len(batch.frames) <= batch.width
        assert all(first.batch == second.batch for first, second in pairwise(batch.frames))
        landed |= set(batch.names)
    assert landed == {name for name, spec in specs.items() if isinstance(spec, Drawn)}
