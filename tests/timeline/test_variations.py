"""A chain of variations: continuous noise, and specs of constant size."""

from dataclasses import replace

from sakuga.timeline.film_layout import FrameSettings
from sakuga.timeline.spec import (
    Generated,
    Given,
    GuidedEmbedding,
    ImageEmbedding,
    InBetween,
    Interpolated,
    NoiseDrift,
    ZeroEmbedding,
    dependencies,
    digest,
    to_json,
)
from sakuga.timeline.variations import GuidanceTexts, VariationChain, vary

GIVEN = Given(image="p")
CHAIN = VariationChain(texts=GuidanceTexts(good=("crisp",), bad=("blurred", "empty")), seed=7, variants=3, between=4)
SETTINGS = FrameSettings(checkpoint="c", width=128, height=128, batch=8)


def shown(chain: VariationChain) -> list[Generated]:
    sheet = vary(GIVEN, chain, SETTINGS)
    return [spec for name in sheet.exposures if isinstance(spec := sheet.specs[name], Generated)]


def test_there_are_as_many_frames_as_requested_and_all_differ() -> None:
    sheet = vary(GIVEN, CHAIN, SETTINGS)
    assert len(sheet.exposures) == len(set(sheet.exposures)) == 12
    known: set[str] = set()
    for name, spec in sheet.specs.items():
        assert known.issuperset(dependencies(spec))
        assert digest(spec) == name
        known.add(name)


def test_each_variant_is_conditioned_on_the_guided_embedding_of_the_previous_one() -> None:
    first, second, third = shown(CHAIN)[3::4]
    before = digest(GIVEN)
    for spec in (first, second, third):
        assert spec.conditioning == GuidedEmbedding(
            base=ImageEmbedding(frame=before), good=("crisp",), bad=("blurred", "empty"), positive=30.0, negative=30.0, repeats=10
        )
        assert (spec.negative, spec.batch) == (ZeroEmbedding(), 1)
        before = digest(spec)


def test_embeddings_and_noise_move_in_even_steps_without_a_break() -> None:
    frames = shown(CHAIN)
    assert [spec.noise for spec in frames] == [NoiseDrift(seed=7, at=index / 4, share=0.4) for index in range(1, 13)]
    assert frames[0].conditioning == Interpolated(
        first=ImageEmbedding(frame=digest(GIVEN)), second=frames[3].conditioning, at=0.25, method="lerp"
    )
    assert frames[4].conditioning == Interpolated(first=frames[3].conditioning, second=frames[7].conditioning, at=0.25, method="lerp")
    assert {spec.batch for spec in frames} == {1, 8}


def test_variants_do_not_depend_on_what_is_shown_between_them() -> None:
    variants = shown(CHAIN)[3::4]
    assert shown(replace(CHAIN, between=1)) == variants
    flowing = vary(GIVEN, replace(CHAIN, mode="flow"), SETTINGS)
    assert [flowing.specs[name] for name in flowing.exposures[3::4]] == variants
    assert flowing.specs[flowing.exposures[0]] == InBetween(first=digest(GIVEN), second=flowing.exposures[3], at=0.25)
    assert shown(replace(CHAIN, variants=2)) == shown(CHAIN)[:8]


def test_without_guidance_the_image_alone_decides() -> None:
    for texts in (GuidanceTexts(good=(), bad=()), replace(CHAIN.texts, repeats=0), replace(CHAIN.texts, positive=0.0, negative=0.0)):
        frames = shown(replace(CHAIN, texts=texts))
        assert frames[0].conditioning == frames[3].conditioning == ImageEmbedding(frame=digest(GIVEN))
    one_sided = replace(CHAIN.texts, positive=0.0)
    assert isinstance(shown(replace(CHAIN, texts=one_sided))[3].conditioning, GuidedEmbedding)


def test_specs_stay_small_however_long_the_chain_is() -> None:
    sizes = [len(to_json(spec)) for spec in shown(replace(CHAIN, variants=200))]
    assert max(sizes) < 1200
    assert max(sizes[-8:]) - max(sizes[8:16]) < 20
