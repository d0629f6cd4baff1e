"""Only what a caption states is scored."""

import numpy as np

from sakuga.evaluation.fidelity import PORTRAIT_ATTRIBUTES, fidelity, fidelity_figures
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.label_codes import ATTRIBUTES, label_codes, stated_codes
from sakuga.sketchbook.labels import Labels, Portrait

SHOWN = Labels(time="night", weather="snow", place="forest", subject="cabin", side="left")


def test_unstated_attributes_are_not_scored() -> None:
    captions = ["a cabin in the snow at night", "a castle in the snow", "a cabin"]
    stated = np.stack([stated_codes(read_labels(caption)) for caption in captions])
    shares = fidelity(np.stack([label_codes(SHOWN)] * 3), stated)
    assert shares["time"] == (1.0, 1)
    assert shares["weather"] == (1.0, 2)
    assert shares["subject"] == (2 / 3, 3)
    assert shares["portrait"] == (1.0, 3)
    assert "place" not in shares
    assert "side" not in shares


def test_a_portrait_in_place_of_a_landscape_counts_against_it() -> None:
    stated = np.stack([stated_codes(read_labels("a cabin"))])
    shown = label_codes(SHOWN)
    shown[list(ATTRIBUTES).index("portrait")] = 1
    assert fidelity(shown[None], stated)["portrait"] == (0.0, 1)


def test_portrait_attributes_are_scored_with_counts_and_ceiling() -> None:
    girl = Portrait(person="girl", hair="red", hair_length="long", dress="blue", expression="smiling")
    labels = [Labels(time="day", weather="clear", place="sea", subject="none", side="centre", portrait=girl), SHOWN]
    captions = ["a girl with red hair and a blue dress, smiling", "a cabin", "a portrait of a man with black hair"]
    stated = np.stack([stated_codes(read_labels(text)) for text in captions])
    codes = np.stack([label_codes(labels[index]) for index in (0, 1, 0)])
    figures = fidelity_figures("fidelity", codes, stated, PORTRAIT_ATTRIBUTES, codes[[0, 1, 1]])
    assert (figures["fidelity.hair"], figures["n.fidelity.hair"], figures["ceiling.fidelity.hair"]) == (0.5, 2, 0.5)
    assert (figures["fidelity.dress"], figures["n.fidelity.dress"]) == (1.0, 1)
    assert (figures["fidelity.person"], figures["fidelity.expression"]) == (0.5, 1.0)
    assert "fidelity.hair_length" not in figures
