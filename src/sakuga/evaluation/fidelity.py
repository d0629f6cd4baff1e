"""How faithful pictures are to their captions: the label classifier reads them, and is asked only for what a caption states."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from sakuga.evaluation.figure import counted, numbers
from sakuga.models.classifier import ATTRIBUTES, Codes, LabelClassifier, squared
from sakuga.models.image_tensors import Pixels, to_tensor

SCORED = ("time", "weather", "place", "subject", "portrait", "side")
"""The attributes of a caption that are scored."""
OF_PEOPLE = ("person", "hair", "hair_length", "dress", "expression")
"""Those of close-ups, which are about one picture in five."""
AT_ONCE = 64


@torch.inference_mode()
def read(classifier: LabelClassifier, pictures: Pixels) -> tuple[Codes, NDArray[np.float64]]:
    """Return what the classifier reads in pictures of one size: codes (n, attributes), and features (n, 256)."""
    codes, features = [], []
    for first in range(0, len(pictures), AT_ONCE):
        seen = classifier.features(squared(to_tensor(pictures[first : first + AT_ONCE], torch.device("cpu"))))
        codes.append(torch.stack([logits.argmax(dim=-1) for logits in classifier.heads(seen)], dim=1).numpy())
        features.append(seen.double().numpy())
    return np.concatenate(codes), np.concatenate(features)


def fidelity_figures(
    prefix: str, codes: Codes, stated: Codes, attributes: Sequence[str] = SCORED, ceiling: Codes | None = None
) -> dict[str, float]:
    """Return fidelity by keys that begin with `prefix`, with counts and intervals, and that of the codes in `ceiling` under "ceiling."."""
    figures: dict[str, float] = {}
    for name, (share, count) in fidelity(codes, stated, attributes).items():
        figures |= numbers(counted(f"{prefix}.{name}", share, count))
    if ceiling is not None:
        figures |= {f"ceiling.{prefix}.{name}": share for name, (share, _) in fidelity(ceiling, stated, attributes).items()}
    return figures


def fidelity(codes: Codes, stated: Codes, attributes: Sequence[str] = SCORED) -> dict[str, tuple[float, int]]:
    """Return, for each attribute, the share of pictures that show what their caption states, and how many captions state it.

    Both are (n, attributes), -1 where nothing is stated; an attribute that no caption states is left out.
    """
    names = list(ATTRIBUTES)
    found: dict[str, tuple[float, int]] = {}
    for name in attributes:
        asked, shown = stated[:, names.index(name)], codes[:, names.index(name)]
        told = asked >= 0
        if told.any():
            found[name] = (float((asked == shown)[told].mean()), int(told.sum()))
    return found
