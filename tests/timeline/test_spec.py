"""A frame's name depends on all that decides it, and on nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sakuga.timeline.spec import (
    AppliedMotion,
    CameraFrame,
    ControlImage,
    Generated,
    Given,
    GivenFrame,
    GuidedEmbedding,
    ImageEmbedding,
    InBetween,
    InitImage,
    Interpolated,
    MotionFrame,
    MotionKey,
    MotionWindow,
    NoiseDrift,
    NoisePath,
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
    | st.builds(NoiseDrift, seed=st.integers(0, 2**31), at=floats, share=floats)
    | st.builds(NoisePath, seeds=st.lists(st.integers(0, 2**31), min_size=1, max_size=4).map(tuple), at=floats, share=floats),
    lambda inner: st.builds(SlerpNoise, first=inner, second=inner, at=floats),
    max_leaves=4,
)
parallaxes = st.none() | st.builds(Parallax, depth=st.sampled_from(["estimator", "luminance", "map"]), share=floats)
warps = st.builds(Warp, zoom=floats, pan=st.tuples(floats, floats), parallax=parallaxes)
init_images = st.none() | st.builds(InitImage, frame=names, strength=floats, warp=warps)
generations = st.builds(
    Generated, checkpoint=names, conditioning=conditionings, noise=noises, init=init_images, width=st.just(128), height=st.just(128)
)
motion_keys = st.builds(MotionKey, frame=floats, conditioning=conditionings)
given_frames = st.lists(st.builds(GivenFrame, index=st.integers(0, 8), frame=names), max_size=2).map(tuple)
windows = st.builds(
    MotionWindow,
    checkpoint=names,
    motion=st.builds(AppliedMotion, adapter=names, scale=floats),
    frames=st.integers(2, 64),
    keys=st.lists(motion_keys, min_size=1, max_size=2).map(tuple),
    seed=st.integers(0, 2**31),
    width=st.just(128),
    height=st.just(128),
    given=given_frames,
)
specs = (
    generations
    | st.builds(MotionFrame, window=windows, index=st.integers(0, 63))
    | st.builds(InBetween, first=names, second=names, at=floats)
    | st.builds(CameraFrame, frame=names, warp=warps)
    | st.builds(Given, image=names)
)


@settings(deadline=None)  # the first one builds the reader of specs
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


def test_frames_keep_their_names_from_version_to_version():
    walk = replace(GENERATED, noise=NoiseWalk(seed=1, at=0.25), init=InitImage(frame="f", strength=0.4, warp=Warp(zoom=1.2)))
    assert [digest(spec)[:16] for spec in (GENERATED, walk, InBetween(first="a", second="b", at=0.5), Given(image="i"))] == [
        "0a667a9411d067c4",
        "36ed9c27c25d93e7",
        "e13953249b87740f",
        "4aab4e39ab0ce110",
    ]


def test_a_windows_frames_depend_on_what_it_is_given():
    window = MotionWindow(
        checkpoint="c",
        motion=AppliedMotion(adapter="a"),
        frames=8,
        keys=(MotionKey(frame=0, conditioning=ImageEmbedding(frame="embedded")),),
        seed=1,
        width=128,
        height=128,
        given=(GivenFrame(index=0, frame="given"),),
        control=ControlImage(frame="control", depth="luminance"),
    )
    frame = MotionFrame(window=window, index=3)
    assert set(dependencies(frame)) == {"given", "control", "embedded"}
    assert digest(frame) != digest(replace(frame, index=4))
    assert digest(frame) != digest(replace(frame, window=replace(window, motion=AppliedMotion(adapter="b"))))
    assert dependencies(CameraFrame(frame="seen", warp=Warp(zoom=1.1))) == ("seen",)
