"""Where memory runs out, what is not drawn yet is planned narrower, and nothing else changes."""

from dataclasses import replace

from sakuga.timeline.rebatch import narrowed
from sakuga.timeline.spec import Between, Control, Drawn, FrameSpec, Given, Guided, Image, Mix, Nothing, Seeded, Start, Text, digest, needs

BASE = Drawn(checkpoint="c", conditioning=Text(prompt="p"), noise=Seeded(seed=0), width=32, height=32, batch=8)


def film() -> list[FrameSpec]:
    given = Given(picture="f" * 64)
    first = replace(BASE, start=Start(frame=digest(given), strength=0.5))
    led = Control(frame=digest(first), depth="luminance")
    second = replace(BASE, batch=1, start=Start(frame=digest(first), strength=0.5, colours=digest(given)), control=led)
    between = Between(first=digest(first), second=digest(second), at=0.5)
    third = replace(BASE, conditioning=Mix(first=Text(prompt="p"), second=Image(frame=digest(between)), at=0.5))
    alone = replace(BASE, batch=2, noise=Seeded(seed=9))
    return [given, first, second, between, third, alone]


def test_widths_are_halved_and_names_follow() -> None:
    frames = film()
    specs = {digest(spec): spec for spec in frames}
    narrow, renamed = narrowed(specs, 4, lambda name: False)
    given, first, second, between, third, alone = (narrow[renamed[digest(spec)]] for spec in frames)
    assert (given, alone) == (frames[0], frames[5])
    assert [spec.batch for spec in (first, second, third) if isinstance(spec, Drawn)] == [4, 1, 4]
    assert needs(second) == (digest(first), digest(given), digest(first))
    assert needs(between) == (digest(first), digest(second))
    assert needs(third) == (digest(between),)
    assert all(digest(spec) == name for name, spec in narrow.items())
    assert list(narrow) == [renamed[name] for name in specs]


def test_what_is_stored_stays_as_it_is() -> None:
    frames = film()
    specs = {digest(spec): spec for spec in frames}
    stored = {digest(frames[0]), digest(frames[1]), digest(frames[2])}
    narrow, renamed = narrowed(specs, 2, stored.__contains__)
    assert [renamed[digest(spec)] == digest(spec) for spec in frames] == [True, True, True, True, False, True]
    assert {name for name in narrow if name in specs} == {digest(spec) for spec in (*frames[:4], frames[5])}


def test_a_guided_picture_follows_its_new_name() -> None:
    seen = Guided(base=Image(frame=digest(BASE)), good=("crisp",), bad=(), positive=30.0, negative=30.0, repeats=10)
    varied = replace(BASE, conditioning=seen, negative=Nothing())
    narrow, renamed = narrowed({digest(spec): spec for spec in (BASE, varied)}, 4, lambda name: False)
    assert needs(narrow[renamed[digest(varied)]]) == (digest(replace(BASE, batch=4)),)
