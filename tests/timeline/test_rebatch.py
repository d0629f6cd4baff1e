"""Out of memory, unfinished frames get smaller batches, and nothing else changes."""

from dataclasses import replace

from sakuga.timeline.rebatch import rebatch
from sakuga.timeline.spec import (
    ControlImage,
    FrameSpec,
    Generated,
    Given,
    GuidedEmbedding,
    ImageEmbedding,
    InBetween,
    InitImage,
    Interpolated,
    Prompt,
    SeedNoise,
    ZeroEmbedding,
    dependencies,
    digest,
)

BASE = Generated(checkpoint="c", conditioning=Prompt(prompt="p"), noise=SeedNoise(seed=0), width=32, height=32, batch=8)


def film() -> list[FrameSpec]:
    given = Given(image="f" * 64)
    first = replace(BASE, init=InitImage(frame=digest(given), strength=0.5))
    control = ControlImage(frame=digest(first), depth="luminance")
    second = replace(BASE, batch=1, init=InitImage(frame=digest(first), strength=0.5, color_reference=digest(given)), control=control)
    between = InBetween(first=digest(first), second=digest(second), at=0.5)
    third = replace(BASE, conditioning=Interpolated(first=Prompt(prompt="p"), second=ImageEmbedding(frame=digest(between)), at=0.5))
    alone = replace(BASE, batch=2, noise=SeedNoise(seed=9))
    return [given, first, second, between, third, alone]


def test_widths_are_halved_and_names_follow() -> None:
    frames = film()
    specs = {digest(spec): spec for spec in frames}
    narrow, renamed = rebatch(specs, 4, lambda name: False)
    given, first, second, between, third, alone = (narrow[renamed[digest(spec)]] for spec in frames)
    assert (given, alone) == (frames[0], frames[5])
    assert [spec.batch for spec in (first, second, third) if isinstance(spec, Generated)] == [4, 1, 4]
    assert dependencies(second) == (digest(first), digest(given), digest(first))
    assert dependencies(between) == (digest(first), digest(second))
    assert dependencies(third) == (digest(between),)
    assert all(digest(spec) == name for name, spec in narrow.items())
    assert list(narrow) == [renamed[name] for name in specs]


def test_stored_frames_keep_their_specs() -> None:
    frames = film()
    specs = {digest(spec): spec for spec in frames}
    stored = {digest(frames[0]), digest(frames[1]), digest(frames[2])}
    narrow, renamed = rebatch(specs, 2, stored.__contains__)
    assert [renamed[digest(spec)] == digest(spec) for spec in frames] == [True, True, True, True, False, True]
    assert {name for name in narrow if name in specs} == {digest(spec) for spec in (*frames[:4], frames[5])}


def test_a_guided_embedding_follows_its_renamed_frame() -> None:
    guided = GuidedEmbedding(base=ImageEmbedding(frame=digest(BASE)), good=("crisp",), bad=(), positive=30.0, negative=30.0, repeats=10)
    varied = replace(BASE, conditioning=guided, negative=ZeroEmbedding())
    narrow, renamed = rebatch({digest(spec): spec for spec in (BASE, varied)}, 4, lambda name: False)
    assert dependencies(narrow[renamed[digest(varied)]]) == (digest(replace(BASE, batch=4)),)
