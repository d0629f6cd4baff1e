"""Captions with one thing changed, and what counts as fitting."""

from dataclasses import replace

import numpy as np
import torch

from sakuga.models.classifier import codes_of, codes_stated
from sakuga.models.contrastive import caption_pair, fits, preference, retrieval, states_one_other, with_one_changed
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.labels import Labels
from sakuga.sketchbook.sampling import sample_labels

SHOWN = Labels(time="night", weather="snow", place="forest", subject="cabin", side="left", extras=frozenset({"moon"}))


def test_one_attribute_is_changed_and_no_other() -> None:
    changed = with_one_changed(SHOWN, "weather", np.random.default_rng(0))
    assert changed.weather != "snow"
    assert replace(changed, weather="snow") == SHOWN
    assert with_one_changed(SHOWN, "extra.moon", np.random.default_rng(0)).extras == frozenset()


def test_most_pairs_differ_in_one_stated_thing() -> None:
    drawn = [sample_labels(np.random.default_rng(seed)) for seed in range(200)]
    pairs = [caption_pair(labels, "flat", (1, seed)) for seed, labels in enumerate(drawn)]
    assert pairs[0] == caption_pair(drawn[0], "flat", (1, 0))
    assert np.mean([states_one_other(*pair) for pair in pairs]) > 0.5


def test_a_text_fits_every_picture_that_is_as_it_says() -> None:
    texts = ["a cabin in the snow", "a cabin", "a castle in the snow"]
    stated = torch.from_numpy(np.stack([codes_stated(read_labels(text)) for text in texts]))
    shown = torch.from_numpy(np.stack([codes_of(SHOWN), codes_of(replace(SHOWN, weather="fog"))]))
    assert fits(stated, shown).tolist() == [[True, False], [True, True], [False, False]]


def test_the_nearest_text_is_retrieved_and_preferred() -> None:
    texts = torch.eye(70)
    assert retrieval(3 * texts, texts) == 1.0
    assert retrieval(-texts, texts) == 0.0
    assert preference(texts, 2 * texts, texts.roll(1, dims=0)) == 1.0
