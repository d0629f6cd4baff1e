"""CLIP's scores agree with their formulas, and on the Sketchbook's world they order what is known."""

import numpy as np
import pytest

from sakuga.evaluation.clip import adherence, clip_score, directional, style_similarities, style_similarity
from sakuga.evaluation.figure import Figure, Refused, ScoreError, paired
from sakuga.evaluation.kernel_distance import cmmd, kid
from sakuga.evaluation.score import held_out_cases, moment_of
from sakuga.models.feature_extractors import Clip, Eye, open_clip, open_eye
from sakuga.sketchbook.labels import Look

N = 24


@pytest.fixture(scope="module")
def clip() -> Clip:
    return open_clip()


@pytest.fixture(scope="module")
def eye() -> Eye:
    return open_eye()


def scenes(first: int, look: Look = "flat", n: int = N) -> list[np.ndarray]:
    return [moment_of(150_200_000 + first + index).picture(128, 128, look) for index in range(n)]


def test_formulas() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 5, 8)).astype(np.float32)
    cosine = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    found = clip_score("clip.drawn", x, y)
    assert (found.value, found.n) == (pytest.approx(100 * cosine.mean(), rel=1e-5), 5)
    assert clip_score("clip.text", x, y[:1]).value == pytest.approx(
        100 * np.mean(x @ y[0] / np.linalg.norm(x, axis=1) / np.linalg.norm(y[0]))
    )
    assert adherence("clip.frames", x, y).interval is None
    ahead = directional("d", x, x + 0.1 * (y[1] - y[0]), y[:1], y[1:2])
    assert isinstance(ahead, Figure)
    straight = directional("d", np.eye(3)[:1], np.eye(3)[1:2], np.eye(3)[:1], np.eye(3)[1:2])
    assert isinstance(straight, Figure)
    assert straight.value == pytest.approx(1.0)


def test_what_says_nothing_or_does_not_fit_is_refused() -> None:
    x = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    with pytest.raises(ScoreError, match="clip: 5 pictures have 3 texts: give one for each, or one for all"):
        clip_score("clip", x, x[:3])
    with pytest.raises(ScoreError, match="clip: there are no pictures to measure"):
        clip_score("clip", x[:0], x)
    with pytest.raises(ScoreError, match="5 pictures cannot be paired with 4"):
        directional("d", x, x[:4], x[:1], x[1:2])
    with pytest.raises(ScoreError, match="5 pictures cannot be compared with 0 references"):
        style_similarity("s", x, x[:0])
    assert isinstance(directional("d", x, x, x[:1], x[1:2]), Refused)
    assert isinstance(directional("d", x, x[::-1], x[:1], x[:1]), Refused)


def test_true_captions_score_above_those_of_other_scenes(clip: Clip) -> None:
    cases = held_out_cases(N)
    seen = clip.pictures([moment_of(case.seed).picture(128, 128) for case in cases])
    said = clip.texts([case.caption for case in cases])
    assert clip_score("clip", seen, said).value > clip_score("clip", seen, np.roll(said, 1, axis=0)).value + 20
    noise = clip.pictures(list(np.random.default_rng(0).integers(0, 256, (N, 128, 128, 3), np.uint8)))
    assert clip_score("clip", seen, said).value > clip_score("clip", noise, said).value + 20


def test_a_picture_is_more_like_references_of_its_own_look(clip: Clip) -> None:
    watercolor, comic = (clip.pictures(scenes(1000, look)) for look in ("watercolor", "comic"))
    base, styled = clip.pictures(scenes(0)), clip.pictures(scenes(0, "watercolor"))
    near, far = (style_similarities("s", styled, references) for references in (watercolor, comic))
    assert (near > far).mean() > 0.9
    gain = paired("style", style_similarities("s", base, watercolor), near)
    assert gain.clear
    assert gain.value > 5
    assert style_similarity("s", styled, watercolor).value == pytest.approx(near.mean())


def test_pictures_move_as_their_words_do(clip: Clip) -> None:
    words = clip.texts(["a castle", "a castle, watercolor", "a castle, comic"])
    base, styled = clip.pictures(scenes(0)), clip.pictures(scenes(0, "watercolor"))
    right, wrong = (directional("d", base, styled, words[:1], words[place : place + 1]) for place in (1, 2))
    assert isinstance(right, Figure)
    assert isinstance(wrong, Figure)
    assert right.clear
    assert right.value > wrong.value + 0.1


def test_distances_tell_the_same_look_from_another_and_from_noise(clip: Clip, eye: Eye) -> None:
    true, same, other = scenes(0), scenes(1000), scenes(1000, "comic")
    noise = list(np.random.default_rng(0).integers(0, 256, (N, 128, 128, 3), np.uint8))
    for measure, see in ((kid, eye.features), (cmmd, clip.pictures)):
        reference = np.float64(see(true))
        near, looks, strange = (measure("d", np.float64(see(one)), reference) for one in (same, other, noise))
        assert isinstance(near, Figure)
        assert isinstance(looks, Figure)
        assert isinstance(strange, Figure)
        assert near.value < min(looks.value, strange.value)
        assert looks.clear
        assert strange.clear
        assert not near.clear
