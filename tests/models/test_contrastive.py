"""Captions with one attribute changed, and matching."""

from dataclasses import replace

import numpy as np
import torch

from sakuga.models.contrastive import (
    caption_pair,
    captions_match,
    change_one_attribute,
    differ_in_one_attribute,
    preference_accuracy,
    retrieval_accuracy,
)
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.label_codes import label_codes, stated_codes
from sakuga.sketchbook.labels import Labels, Portrait
from sakuga.sketchbook.sampling import sample_labels

SHOWN = Labels(time="night", weather="snow", place="forest", subject="cabin", side="left", extras=frozenset({"moon"}))


def test_one_attribute_is_changed_and_no_other() -> None:
    changed = change_one_attribute(SHOWN, "weather", np.random.default_rng(0))
    assert changed.weather != "snow"
    assert replace(changed, weather="snow") == SHOWN
    assert change_one_attribute(SHOWN, "extra.moon", np.random.default_rng(0)).extras == frozenset()


def test_most_pairs_differ_in_one_stated_attribute() -> None:
    generated = [sample_labels(np.random.default_rng(seed)) for seed in range(200)]
    pairs = [caption_pair(labels, "flat", (1, seed)) for seed, labels in enumerate(generated)]
    assert pairs[0] == caption_pair(generated[0], "flat", (1, 0))
    assert np.mean([differ_in_one_attribute(*pair) for pair in pairs]) > 0.5


def test_walking_people_and_second_subjects_change_too() -> None:
    walker = Portrait(person="girl", hair="red", hair_length="long", dress="blue", expression="calm")
    shown = replace(SHOWN, walker=walker)
    changed = change_one_attribute(shown, "dress", np.random.default_rng(0))
    assert changed.walker is not None
    assert replace(changed, walker=replace(changed.walker, dress="blue")) == shown
    assert change_one_attribute(shown, "walker", np.random.default_rng(0)) == SHOWN
    assert change_one_attribute(replace(SHOWN, second="tower"), "second", np.random.default_rng(0)).second != "tower"
    many = [sample_labels(np.random.default_rng(seed), accompanied=True) for seed in range(1_000)]
    assert all(all(caption_pair(labels, "flat", (1, seed))) for seed, labels in enumerate(many))


def test_a_text_matches_every_image_with_its_labels() -> None:
    texts = ["a cabin in the snow", "a cabin", "a castle in the snow"]
    stated = torch.from_numpy(np.stack([stated_codes(read_labels(text)) for text in texts]))
    shown = torch.from_numpy(np.stack([label_codes(SHOWN), label_codes(replace(SHOWN, weather="fog"))]))
    assert captions_match(stated, shown).tolist() == [[True, False], [True, True], [False, False]]


def test_the_nearest_text_is_retrieved_and_preferred() -> None:
    texts = torch.eye(70)
    assert retrieval_accuracy(3 * texts, texts) == 1.0
    assert retrieval_accuracy(-texts, texts) == 0.0
    assert preference_accuracy(texts, 2 * texts, texts.roll(1, dims=0)) == 1.0
