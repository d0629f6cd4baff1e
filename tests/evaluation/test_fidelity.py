"""Only what a caption states is scored."""

import numpy as np

from sakuga.evaluation.fidelity import fidelity
from sakuga.models.classifier import ATTRIBUTES, codes_of, codes_stated
from sakuga.sketchbook.labels import Labels
from sakuga.sketchbook.reading import read_labels

SHOWN = Labels(time="night", weather="snow", place="forest", subject="cabin", side="left")


def test_what_a_caption_leaves_open_is_not_scored() -> None:
    captions = ["a cabin in the snow at night", "a castle in the snow", "a cabin"]
    stated = np.stack([codes_stated(read_labels(caption)) for caption in captions])
    shares = fidelity(np.stack([codes_of(SHOWN)] * 3), stated)
    assert shares["time"] == (1.0, 1)
    assert shares["weather"] == (1.0, 2)
    assert shares["subject"] == (2 / 3, 3)
    assert shares["portrait"] == (1.0, 3)
    assert "place" not in shares
    assert "side" not in shares


def test_a_portrait_in_place_of_a_landscape_counts_against_it() -> None:
    stated = np.stack([codes_stated(read_labels("a cabin"))])
    shown = codes_of(SHOWN)
    shown[list(ATTRIBUTES).index("portrait")] = 1
    assert fidelity(shown[None], stated)["portrait"] == (0.0, 1)
