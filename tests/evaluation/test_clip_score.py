"""CLIP scores agree with their formulas, and rank Sketchbook scenes correctly."""

import numpy as np
import pytest

from sakuga.evaluation.clip_score import clip_score, directional_similarity, prompt_adherence, style_similarities, style_similarity
from sakuga.evaluation.held_out import held_out_cases, held_out_moment
from sakuga.evaluation.kernel_distance import cmmd, kid
from sakuga.evaluation.metric import Metric, MetricError, NotMeasured, paired
from sakuga.models.feature_extractors import ClipModel, FeatureExtractor, load_clip, load_feature_extractor
from sakuga.sketchbook.labels import Look

N = 24


@pytest.fixture(scope="module")
def clip() -> ClipModel:
    return load_clip()


@pytest.fixture(scope="module")
def feature_extractor() -> FeatureExtractor:
    return load_feature_extractor()


def scenes(first: int, look: Look = "flat", n: int = N) -> list[np.ndarray]:
    return [held_out_moment(150_200_000 + first + index).image(128, 128, look) for index in range(n)]


def test_formulas() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 5, 8)).astype(np.float32)
    cosine = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    found = clip_score("clip.drawn", x, y)
    assert (found.value, found.n) == (pytest.approx(100 * cosine.mean(), rel=1e-5), 5)
    assert clip_score("clip.text", x, y[:1]).value == pytest.approx(
        100 * np.mean(x @ y[0] / np.linalg.norm(x, axis=1) / np.linalg.norm(y[0]))
    )
    assert prompt_adherence("clip.frames", x, y).interval is None
    aligned = directional_similarity("d", x, x + 0.1 * (y[1] - y[0]), y[:1], y[1:2])
    assert isinstance(aligned, Metric)
    straight = directional_similarity("d", np.eye(3)[:1], np.eye(3)[1:2], np.eye(3)[:1], np.eye(3)[1:2])
    assert isinstance(straight, Metric)
    assert straight.value == pytest.approx(1.0)


def test_meaningless_or_mismatched_inputs_are_refused() -> None:
    x = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    with pytest.raises(MetricError, match="clip: 5 images have 3 texts: give one for each, or one for all"):
        clip_score("clip", x, x[:3])
    with pytest.raises(MetricError, match="clip: there are no images to measure"):
        clip_score("clip", x[:0], x)
    with pytest.raises(MetricError, match="5 images cannot be paired with 4"):
        directional_similarity("d", x, x[:4], x[:1], x[1:2])
    with pytest.raises(MetricError, match="5 images cannot be compared with 0 references"):
        style_similarity("s", x, x[:0])
    assert isinstance(directional_similarity("d", x, x, x[:1], x[1:2]), NotMeasured)
    assert isinstance(directional_similarity("d", x, x[::-1], x[:1], x[:1]), NotMeasured)


def test_true_captions_score_above_those_of_other_scenes(clip: ClipModel) -> None:
    cases = held_out_cases(N)
    image_embeds = clip.embed_images([held_out_moment(case.seed).image(128, 128) for case in cases])
    text_embeds = clip.embed_texts([case.caption for case in cases])
    assert (
        clip_score("clip", image_embeds, text_embeds).value > clip_score("clip", image_embeds, np.roll(text_embeds, 1, axis=0)).value + 20
    )
    noise = clip.embed_images(list(np.random.default_rng(0).integers(0, 256, (N, 128, 128, 3), np.uint8)))
    assert clip_score("clip", image_embeds, text_embeds).value > clip_score("clip", noise, text_embeds).value + 20


def test_an_image_is_closest_to_references_of_its_own_look(clip: ClipModel) -> None:
    watercolor, comic = (clip.embed_images(scenes(1000, look)) for look in ("watercolor", "comic"))
    base, styled = clip.embed_images(scenes(0)), clip.embed_images(scenes(0, "watercolor"))
    near, far = (style_similarities("s", styled, references) for references in (watercolor, comic))
    assert (near > far).mean() > 0.9
    gain = paired("style", style_similarities("s", base, watercolor), near)
    assert gain.excludes_zero
    assert gain.value > 5
    assert style_similarity("s", styled, watercolor).value == pytest.approx(near.mean())


def test_images_change_as_their_prompts_do(clip: ClipModel) -> None:
    words = clip.embed_texts(["a castle", "a castle, watercolor", "a castle, comic"])
    base, styled = clip.embed_images(scenes(0)), clip.embed_images(scenes(0, "watercolor"))
    right, wrong = (directional_similarity("d", base, styled, words[:1], words[index : index + 1]) for index in (1, 2))
    assert isinstance(right, Metric)
    assert isinstance(wrong, Metric)
    assert right.excludes_zero
    assert right.value > wrong.value + 0.1


def test_distances_separate_looks_and_noise(clip: ClipModel, feature_extractor: FeatureExtractor) -> None:
    true, same, other = scenes(0), scenes(1000), scenes(1000, "comic")
    noise = list(np.random.default_rng(0).integers(0, 256, (N, 128, 128, 3), np.uint8))
    for measure, measure_images in ((kid, feature_extractor.features), (cmmd, clip.embed_images)):
        reference = np.float64(measure_images(true))
        near, looks, strange = (measure("d", np.float64(measure_images(images)), reference) for images in (same, other, noise))
        assert isinstance(near, Metric)
        assert isinstance(looks, Metric)
        assert isinstance(strange, Metric)
        assert near.value < min(looks.value, strange.value)
        assert looks.excludes_zero
        assert strange.excludes_zero
        assert not near.excludes_zero
