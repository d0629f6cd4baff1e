"""A frame's name depends on all that decides it, and on nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sakuga.timeline.spec import (
    ControlImage,
    Generated,
    Given,
    GuidedEmbedding,
    ImageEmbedding,
    InBetween,
    InitImage,
    Interpolated,
    NoiseDrift,
    NoiseWalk,
    Parallax,
    Prompt,
    SeedNoise,
    SlerpNoise,
    Warp,
    ZeroEmbedding,
    dependencies,
    digest,
    from_json,
    to_json,
)

GENERATED = Generated(checkpoint="c", conditioning=Prompt(prompt="a castle"), noise=SeedNoise(seed=1), width=128, height=128)

floats = st.floats(0, 1).map(lambda value: round(value, 6))
names = st.text("0123456789abcdef", min_size=1, max_size=8)
texts = st.lists(st.text(max_size=5), max_size=3).map(tuple)
conditionings = st.recursive(
    st.builds(Prompt, prompt=st.text(max_size=20))
    | st.builds(ImageEmbedding, frame=names)
    | st.just(ZeroEmbedding())
    | st.builds(
        GuidedEmbedding,
        base=st.builds(ImageEmbedding, frame=names),
        good=texts,
        bad=texts,
        positive=floats,
        negative=floats,
        repeats=st.just(10),
    ),
    lambda inner: st.builds(Interpolated, first=inner, second=inner, at=floats, method=st.sampled_from(["slerp", "lerp"])),
    max_leaves=4,
)
noises = st.recursive(
    st.builds(SeedNoise, seed=st.integers(0, 2**31))
    | st.builds(NoiseWalk, seed=st.integers(0, 2**31), at=floats)
    | st.builds(NoiseDrift, seed=st.integers(0, 2**31), at=floats, share=floats),
    lambda inner: st.builds(SlerpNoise, first=inner, second=inner, at=floats),
    max_leaves=4,
)
parallaxes = st.none() | st.builds(Parallax, depth=st.sampled_from(["estimator", "luminance", "map"]), share=floats)
warps = st.builds(Warp, zoom=floats, pan=st.tuples(floats, floats), parallax=parallaxes)
init_images = st.none() | st.builds(InitImage, frame=names, strength=floats, warp=warps)
generations = st.builds(
    Generated, checkpoint=names, conditioning=conditionings, noise=noises, init=init_images, width=st.just(128), height=st.just(128)
)
specs = generations | st.builds(InBetween, first=names, second=names, at=floats) | st.builds(Given, image=names)


@given(specs)
def test_a_spec_round_trips_through_json_with_its_name(spec):
    assert from_json(to_json(spec)) == spec
    assert digest(from_json(to_json(spec))) == digest(spec)


def test_fields_at_their_default_do_not_enter_the_name():
    assert digest(GENERATED) == digest(replace(GENERATED, guidance=7.5, init=None))
    assert '"guidance"' not in to_json(GENERATED)


@pytest.mark.parametrize(
    "change",
    [
        {"noise": SeedNoise(seed=2)},
        {"conditioning": Prompt(prompt="a castle ")},
        {"batch": 8},
        {"precision": "bf16"},
        {"approximations": ("prepacked",)},
        {"init": InitImage(frame="f", strength=0.5)},
        {"control": ControlImage(frame="f", depth="luminance")},
    ],
)
def test_every_field_changes_the_name(change):
    assert digest(replace(GENERATED, **change)) != digest(GENERATED)


def test_members_of_a_union_with_equal_fields_have_different_names():
    assert digest(replace(GENERATED, noise=NoiseWalk(seed=1, at=0.0))) != digest(GENERATED)


def test_dependencies_name_every_needed_frame():
    guided = GuidedEmbedding(base=ImageEmbedding(frame="steered"), good=("crisp",), bad=(), positive=30.0, negative=30.0, repeats=10)
    spec = replace(
        GENERATED,
        init=InitImage(frame="start", strength=0.5),
        control=ControlImage(frame="control", depth="luminance"),
        conditioning=Interpolated(first=ImageEmbedding(frame="embedded"), second=guided, at=0.5),
        negative=ZeroEmbedding(),
    )
    assert dependencies(spec) == ("start", "control", "embedded", "steered")
    assert dependencies(InBetween(first="a", second="b", at=0.5)) == ("a", "b")
    assert dependencies(Given(image="p")) == ()


def test_unknown_keys_are_refused():
    with pytest.raises(ValidationError, match="bogus"):
        from_json('{"kind": "given", "image": "p", "bogus": 1}')
