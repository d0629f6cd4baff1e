"""Which captions fit which pictures: what the text and the image encoder learn, and what they are measured by."""

from dataclasses import fields, replace
from functools import cache
from typing import Any, cast, get_args, get_type_hints

import numpy as np
import torch
from torch import Tensor, nn

from sakuga.models.classifier import ATTRIBUTES, codes_stated
from sakuga.sketchbook.caption_reading import read_labels
from sakuga.sketchbook.captions import caption
from sakuga.sketchbook.labels import Extra, Labels, Look, Portrait

AMONG = 64
"""Captions among which the right one is to be found."""


@cache
def _choices(kind: type) -> dict[str, tuple[str, ...]]:
    hints = get_type_hints(kind)
    return {field.name: get_args(hints[field.name]) for field in fields(kind) if field.name not in ("extras", "portrait")}


def with_one_changed(labels: Labels, attribute: str, rng: np.random.Generator) -> Labels:
    """Return labels whose one attribute has another value, drawn by chance; "extra.moon" and its like are put in or out."""
    if attribute.startswith("extra."):
        return replace(labels, extras=labels.extras ^ {cast(Extra, attribute.removeprefix("extra."))})
    kind = Portrait if attribute in _choices(Portrait) else Labels
    now = getattr(labels if kind is Labels else labels.portrait, attribute)
    values = [value for value in _choices(kind)[attribute] if value != now]
    changed: dict[str, Any] = {attribute: values[int(rng.integers(len(values)))]}
    if labels.portrait is not None and kind is Portrait:
        return replace(labels, portrait=replace(labels.portrait, **changed))
    return replace(labels, **changed)


def caption_pair(labels: Labels, look: Look, seed: tuple[int, ...]) -> tuple[str, str]:
    """Return a caption and the same with one stated attribute changed; the second may fit too, where the wording hides the change."""
    text = caption(labels, np.random.default_rng(seed), look)
    rng = np.random.default_rng((*seed, 1))
    stated = codes_stated(read_labels(text))
    names = [name for name, code in zip(ATTRIBUTES, stated, strict=True) if code >= 0 and name not in ("portrait", "look")]
    if not names:
        return text, text
    changed = with_one_changed(labels, names[int(rng.integers(len(names)))], rng)
    return text, caption(changed, np.random.default_rng(seed), look)


def fits(stated: Tensor, shown: Tensor) -> Tensor:
    """Return which texts fit which pictures, (texts, pictures): whatever a text states is as it says. Both are codes."""
    said = stated[:, None, :]
    return ((said < 0) | (said == shown[None])).all(dim=-1)


def retrieval(images: Tensor, texts: Tensor) -> float:
    """Return how often picture i is nearest to text i among the texts of its group of 64."""
    unit = nn.functional.normalize
    groups = zip(torch.split(unit(images, dim=-1), AMONG), torch.split(unit(texts, dim=-1), AMONG), strict=True)
    found = [(image @ text.T).argmax(dim=1) == torch.arange(len(image), device=image.device) for image, text in groups]
    return float(torch.cat(found).float().mean())


def preference(images: Tensor, right: Tensor, wrong: Tensor) -> float:
    """Return how often a picture is nearer to its right text than to its wrong one."""
    cosine = nn.functional.cosine_similarity
    return float((cosine(images, right) > cosine(images, wrong)).float().mean())


def states_one_other(right: str, wrong: str) -> bool:
    """Return whether exactly one attribute, stated by both, differs."""
    first, second = codes_stated(read_labels(right)), codes_stated(read_labels(wrong))
    return bool(((first >= 0) == (second >= 0)).all() and (first != second).sum() == 1)
