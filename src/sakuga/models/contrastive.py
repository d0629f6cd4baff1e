"""Matching of captions and images, for contrastive training."""

from dataclasses import fields, replace
from functools import cache
from typing import Any, cast, get_args, get_type_hints

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.captions import caption
from sakuga.sketchbook.label_codes import ATTRIBUTES, stated_codes
from sakuga.sketchbook.labels import Extra, Labels, Look, Portrait
from sakuga.sketchbook.words import PLURALS

GROUP_SIZE = 64
"""Captions per group, of which one is right."""


@cache
def _choices(kind: type) -> dict[str, tuple[str, ...]]:
    hints = get_type_hints(kind)
    return {field.name: get_args(hints[field.name]) for field in fields(kind) if field.name not in ("extras", "portrait", "walker")}


def change_one_attribute(labels: Labels, attribute: str, rng: np.random.Generator) -> Labels:
    """Change one attribute of labels to a random other value.

    "extra.moon" and the like are toggled, a "walker" goes.
    """
    if attribute == "walker":
        return replace(labels, walker=None)
    if attribute.startswith("extra."):
        return replace(labels, extras=labels.extras ^ {cast(Extra, attribute.removeprefix("extra."))})
    shown = "portrait" if labels.portrait else "walker"
    person = getattr(labels, shown)
    of_person = attribute in _choices(Portrait)
    current = getattr(person if of_person else labels, attribute)
    unpaired = {labels.subject, labels.second} - PLURALS.keys() if attribute in ("subject", "second") else set()
    values = [value for value in _choices(Portrait if of_person else Labels)[attribute] if value != current and value not in unpaired]
    changed: dict[str, Any] = {attribute: values[int(rng.integers(len(values)))]}
    return replace(labels, **({shown: replace(person, **changed)} if of_person else changed))


def caption_pair(labels: Labels, look: Look, seed: tuple[int, ...]) -> tuple[str, str]:
    """Return a caption and a copy with one attribute changed.

    The copy may match too if the wording hides the change.
    """
    text = caption(labels, np.random.default_rng(seed), look)
    rng = np.random.default_rng((*seed, 1))
    stated = stated_codes(read_labels(text))
    names = [name for name, code in zip(ATTRIBUTES, stated, strict=True) if code >= 0 and name not in ("portrait", "look")]
    if not names:
        return text, text
    changed = change_one_attribute(labels, names[int(rng.integers(len(names)))], rng)
    return text, caption(changed, np.random.default_rng(seed), look)


def captions_match(stated: Tensor, shown: Tensor) -> Tensor:
    """Return which texts match which images, by their codes.

    The result is (texts, images).
    """
    codes = stated[:, None, :]
    return ((codes < 0) | (codes == shown[None])).all(dim=-1)


def retrieval_accuracy(images: Tensor, texts: Tensor) -> float:
    """Return how often an image's nearest text is its own.

    It is searched among the 64 of its group.
    """
    unit = nn.functional.normalize
    groups = zip(torch.split(unit(images, dim=-1), GROUP_SIZE), torch.split(unit(texts, dim=-1), GROUP_SIZE), strict=True)
    found = [(image @ text.T).argmax(dim=1) == torch.arange(len(image), device=image.device) for image, text in groups]
    return float(torch.cat(found).float().mean())


def preference_accuracy(images: Tensor, right: Tensor, wrong: Tensor) -> float:
    """Return how often images prefer their right text.

    The other is a wrong one.
    """
    cosine = nn.functional.cosine_similarity
    return float((cosine(images, right) > cosine(images, wrong)).float().mean())


def differ_in_one_attribute(right: str, wrong: str) -> bool:
    """Return whether exactly one attribute, stated by both, differs."""
    first, second = stated_codes(read_labels(right)), stated_codes(read_labels(wrong))
    return bool(((first >= 0) == (second >= 0)).all() and (first != second).sum() == 1)
