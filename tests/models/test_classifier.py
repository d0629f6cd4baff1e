"""Codes of labels and texts, and the classifier's folder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from sakuga.models.classifier import LabelClassifier, load_classifier
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.label_codes import ATTRIBUTES, label_codes, stated_codes
from sakuga.sketchbook.labels import Labels, Portrait

SHOWN = Labels(time="night", weather="snow", place="forest", subject="cabin", side="left", extras=frozenset({"moon"}))
GIRL = Portrait(person="girl", hair="red", hair_length="long", dress="blue", expression="smiling")


def _named(codes: np.ndarray) -> dict[str, str]:
    pairs = zip(ATTRIBUTES.items(), codes, strict=True)
    return {name: values[code] for (name, values), code in pairs if code >= 0 and not name.startswith("extra.")}


def test_a_portrait_has_no_subject_and_an_empty_landscape_no_side() -> None:
    assert _named(label_codes(SHOWN)) == {
        "time": "night", "weather": "snow", "place": "forest", "subject": "cabin", "side": "left", "portrait": "no", "look": "flat",
        "second": "none", "walker": "no",
    }  # fmt: skip
    portrait = _named(label_codes(replace(SHOWN, subject="none", portrait=GIRL), "comic"))
    assert portrait["hair"] == "red"
    assert portrait["look"] == "comic"
    assert "subject" not in portrait
    assert "side" not in _named(label_codes(replace(SHOWN, subject="none")))


def test_a_text_states_only_the_labels_it_names() -> None:
    assert _named(stated_codes(read_labels("a cabin in the snow"))) == {"subject": "cabin", "weather": "snow", "portrait": "no"}
    codes = stated_codes(read_labels("a full moon over a castle"))
    extras = {name: code for name, code in zip(ATTRIBUTES, codes, strict=True) if name.startswith("extra.") and code >= 0}
    assert extras == {"extra.moon": 1}


@torch.no_grad()
def test_unknown_codes_have_no_loss() -> None:
    torch.manual_seed(0)
    heads, features = LabelClassifier().heads, torch.randn(2, 256)
    codes = torch.full((2, len(ATTRIBUTES)), -1)
    assert float(heads.loss(features, codes)) == 0.0
    codes[1, 0] = 2
    expected = torch.nn.functional.cross_entropy(heads(features)[0][1:], codes[1:, 0])
    torch.testing.assert_close(heads.loss(features, codes), expected)


def test_a_saved_classifier_loads_unchanged(tmp_path: Path) -> None:
    torch.manual_seed(0)
    classifier = LabelClassifier().eval()
    classifier.save(tmp_path)
    images = torch.rand(2, 3, 128, 128) * 2 - 1
    with torch.inference_mode():
        torch.testing.assert_close(load_classifier(tmp_path).features(images), classifier.features(images), atol=1e-2, rtol=1e-2)
