"""A chain of variations: one joint each, noise that carries on, and specs that stay small however long it is."""

from dataclasses import replace

from sakuga.timeline.chain import Direction
from sakuga.timeline.spec import Between, Drawn, Given, Guided, Image, Mix, Nothing, Shift, digest, needs, to_json
from sakuga.timeline.variations import Texts, Variations, vary

GIVEN = Given(picture="p")
CHAIN = Variations(texts=Texts(good=("crisp",), bad=("blurred", "empty")), seed=7, variants=3, between=4)
DIRECTION = Direction(checkpoint="c", width=128, height=128, batch=8)


def shown(chain: Variations) -> list[Drawn]:
    sheet = vary(GIVEN, chain, DIRECTION)
    return [spec for name in sheet.exposures if isinstance(spec := sheet.specs[name], Drawn)]


def test_there_are_as_many_frames_as_asked_and_no_two_are_the_same() -> None:
    sheet = vary(GIVEN, CHAIN, DIRECTION)
    assert len(sheet.exposures) == len(set(sheet.exposures)) == 12
    seen: set[str] = set()
    for name, spec in sheet.specs.items():
        assert seen.issuperset(needs(spec))
        assert digest(spec) == name
        seen.add(name)


def test_each_variant_is_drawn_from_the_guided_picture_of_the_one_before_and_led_away_from_nothing() -> None:
    first, second, third = shown(CHAIN)[3::4]
    before = digest(GIVEN)
    for spec in (first, second, third):
        assert spec.conditioning == Guided(
            base=Image(frame=before), good=("crisp",), bad=("blurred", "empty"), positive=30.0, negative=30.0, repeats=10
        )
        assert (spec.negative, spec.batch) == (Nothing(), 1)
        before = digest(spec)


def test_embeddings_and_noise_move_in_even_steps_and_carry_on() -> None:
    frames = shown(CHAIN)
    assert [spec.noise for spec in frames] == [Shift(seed=7, at=place / 4, share=0.4) for place in range(1, 13)]
    assert frames[0].conditioning == Mix(first=Image(frame=digest(GIVEN)), second=frames[3].conditioning, at=0.25, way="lerp")
    assert frames[4].conditioning == Mix(first=frames[3].conditioning, second=frames[7].conditioning, at=0.25, way="lerp")
    assert {spec.batch for spec in frames} == {1, 8}


def test_variants_do_not_depend_on_what_is_shown_between_them() -> None:
    variants = shown(CHAIN)[3::4]
    assert shown(replace(CHAIN, between=1)) == variants
    flowing = vary(GIVEN, replace(CHAIN, mode="flow"), DIRECTION)
    assert [flowing.specs[name] for name in flowing.exposures[3::4]] == variants
    assert flowing.specs[flowing.exposures[0]] == Between(first=digest(GIVEN), second=flowing.exposures[3], at=0.25)
    assert shown(replace(CHAIN, variants=2)) == shown(CHAIN)[:8]


def test_without_guidance_the_picture_alone_decides() -> None:
    for texts in (Texts(good=(), bad=()), replace(CHAIN.texts, repeats=0), replace(CHAIN.texts, positive=0.0, negative=0.0)):
        frames = shown(replace(CHAIN, texts=texts))
        assert frames[0].conditioning == frames[3].conditioning == Image(frame=digest(GIVEN))
    one_sided = replace(CHAIN.texts, positive=0.0)
    assert isinstance(shown(replace(CHAIN, texts=one_sided))[3].conditioning, Guided)


def test_specs_stay_small_however_long_the_chain_is() -> None:
    sizes = [len(to_json(spec)) for spec in shown(replace(CHAIN, variants=200))]
    assert max(sizes) < 1200
    assert max(sizes[-8:]) - max(sizes[8:16]) < 20
