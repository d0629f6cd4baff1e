"""A frame's name is a function of what decides it, and of nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sakuga.timeline.spec import (
    Between,
    Control,
    Drawn,
    Given,
    Guided,
    Image,
    Mix,
    Nothing,
    Parallax,
    Seeded,
    Shift,
    Slerp,
    Start,
    Text,
    Walk,
    Warp,
    digest,
    from_json,
    needs,
    to_json,
)

DRAWN = Drawn(checkpoint="c", conditioning=Text(prompt="a castle"), noise=Seeded(seed=1), width=128, height=128)

floats = st.floats(0, 1).map(lambda value: round(value, 6))
names = st.text("0123456789abcdef", min_size=1, max_size=8)
texts = st.lists(st.text(max_size=5), max_size=3).map(tuple)
conditionings = st.recursive(
    st.builds(Text, prompt=st.text(max_size=20))
    | st.builds(Image, frame=names)
    | st.just(Nothing())
    | st.builds(Guided, base=st.builds(Image, frame=names), good=texts, bad=texts, positive=floats, negative=floats, repeats=st.just(10)),
    lambda inner: st.builds(Mix, first=inner, second=inner, at=floats, way=st.sampled_from(["slerp", "lerp"])),
    max_leaves=4,
)
noises = st.recursive(
    st.builds(Seeded, seed=st.integers(0, 2**31))
    | st.builds(Walk, seed=st.integers(0, 2**31), at=floats)
    | st.builds(Shift, seed=st.integers(0, 2**31), at=floats, share=floats),
    lambda inner: st.builds(Slerp, first=inner, second=inner, at=floats),
    max_leaves=4,
)
parallaxes = st.none() | st.builds(Parallax, depth=st.sampled_from(["estimator", "luminance", "map"]), share=floats)
warps = st.builds(Warp, zoom=floats, pan=st.tuples(floats, floats), parallax=parallaxes)
starts = st.none() | st.builds(Start, frame=names, strength=floats, warp=warps)
drawings = st.builds(
    Drawn, checkpoint=names, conditioning=conditionings, noise=noises, start=starts, width=st.just(128), height=st.just(128)
)
specs = drawings | st.builds(Between, first=names, second=names, at=floats) | st.builds(Given, picture=names)


@given(specs)
def test_a_spec_survives_json_and_keeps_its_name(spec):
    assert from_json(to_json(spec)) == spec
    assert digest(from_json(to_json(spec))) == digest(spec)


def test_fields_at_their_default_do_not_enter_the_name():
    assert digest(DRAWN) == digest(replace(DRAWN, guidance=7.5, start=None))
    assert '"guidance"' not in to_json(DRAWN)


@pytest.mark.parametrize(
    "change",
    [
        {"noise": Seeded(seed=2)},
        {"conditioning": Text(prompt="a castle ")},
        {"batch": 8},
        {"precision": "bf16"},
        {"approximations": ("prepacked",)},
        {"start": Start(frame="f", strength=0.5)},
        {"control": Control(frame="f", depth="luminance")},
    ],
)
def test_whatever_decides_the_picture_changes_its_name(change):
    assert digest(replace(DRAWN, **change)) != digest(DRAWN)


def test_members_of_a_union_with_equal_fields_have_different_names():
    assert digest(replace(DRAWN, noise=Walk(seed=1, at=0.0))) != digest(DRAWN)


def test_needs_names_every_picture_leaned_on():
    guided = Guided(base=Image(frame="steered"), good=("crisp",), bad=(), positive=30.0, negative=30.0, repeats=10)
    spec = replace(
        DRAWN,
        start=Start(frame="start", strength=0.5),
        control=Control(frame="led", depth="luminance"),
        conditioning=Mix(first=Image(frame="seen"), second=guided, at=0.5),
        negative=Nothing(),
    )
    assert needs(spec) == ("start", "led", "seen", "steered")
    assert needs(Between(first="a", second="b", at=0.5)) == ("a", "b")
    assert needs(Given(picture="p")) == ()


def test_unknown_keys_are_refused():
    with pytest.raises(ValidationError, match="bogus"):
        from_json('{"kind": "given", "picture": "p", "bogus": 1}')
