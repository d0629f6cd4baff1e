"""The label classifier: a small network that reads a picture's labels, and whose features measure distances between sets of pictures."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sakuga.sketchbook.caption_reading import Stated
from sakuga.sketchbook.labels import (
    DressColour,
    Expression,
    Extra,
    HairColour,
    HairLength,
    Labels,
    Look,
    Person,
    Place,
    Side,
    Subject,
    Time,
    Weather,
)

EXTRAS: tuple[str, ...] = get_args(Extra)
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "time": get_args(Time),
    "weather": get_args(Weather),
    "place": get_args(Place),
    "subject": get_args(Subject),
    "side": get_args(Side),
    "portrait": ("no", "yes"),
    "person": get_args(Person),
    "hair": get_args(HairColour),
    "hair_length": get_args(HairLength),
    "dress": get_args(DressColour),
    "expression": get_args(Expression),
    "look": get_args(Look),
    **{f"extra.{extra}": ("no", "yes") for extra in EXTRAS},
}
"""Every attribute with its values; a picture's codes are the indices of its values in this order, -1 where there is none."""
FEATURES = 256
SIDE = 128
"""Pixels of the square pictures that are read."""

Codes = NDArray[np.int64]


def _coded(values: dict[str, str | None]) -> Codes:
    codes = [
        -1 if (value := values.get(name)) is None else possible.index(value)
        for name, possible in ATTRIBUTES.items()
    ]  # fmt: skip
    return np.array(codes, dtype=np.int64)


def codes_of(labels: Labels, look: Look = "flat") -> Codes:
    """Return a picture's codes, shape (len(ATTRIBUTES),); a portrait has no subject, and only what stands somewhere has a side."""
    person = labels.portrait
    values: dict[str, str | None] = {"time": labels.time, "weather": labels.weather, "place": labels.place, "look": look}
    values |= {f"extra.{extra}": "yes" if extra in labels.extras else "no" for extra in EXTRAS}
    values["portrait"] = "no" if person is None else "yes"
    if person is None:
        values["subject"] = labels.subject
    else:
        values |= {name: getattr(person, name) for name in ("person", "hair", "hair_length", "dress", "expression")}
    if person is not None or labels.subject != "none":
        values["side"] = labels.side
    return _coded(values)


def codes_stated(stated: Stated) -> Codes:
    """Return the codes of what a text states, -1 where it states nothing; a text that asks for no close-up asks for a landscape."""
    names = ("time", "weather", "place", "subject", "side", "person", "hair", "hair_length", "dress", "expression", "look")
    values: dict[str, str | None] = {name: getattr(stated, name) for name in names}
    values |= {f"extra.{extra}": "yes" for extra in stated.extras}
    return _coded({**values, "portrait": "yes" if stated.close_up else "no"})


class LabelHeads(nn.Module):
    """One linear head per attribute, as one matrix."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sizes = [len(values) for values in ATTRIBUTES.values()]
        self.linear = nn.Linear(width, sum(self.sizes))

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of each attribute, shapes (pictures, values)."""
        logits: Tensor = self.linear(features)
        return tuple(torch.split(logits, self.sizes, dim=-1))

    def loss(self, features: Tensor, codes: Tensor) -> Tensor:
        """Return the mean cross-entropy over all codes that are not negative; codes: (pictures, attributes)."""
        known = (codes >= 0).sum().clamp(min=1)
        pairs = zip(self(features), codes.unbind(1), strict=True)
        parts = [nn.functional.cross_entropy(logits.float(), code, ignore_index=-1, reduction="sum") for logits, code in pairs]
        return torch.stack(parts).sum() / known


class Residual(nn.Module):
    """Two convolutions beside an identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y


class LabelClassifier(nn.Module):
    """A convolutional network over pictures of 128 px: (pictures, 3, 128, 128) in [-1, 1] to features and labels.

    The features keep a 4x4 grid of a few channels up to the last layer, because a side is a place in the picture.
    """

    def __init__(self, widths: tuple[int, ...] = (24, 48, 96, 96, 96), kept: int = 32) -> None:
        super().__init__()
        self.widths, self.kept = tuple(widths), kept
        layers: list[nn.Module] = []
        for before, width in zip((3, *self.widths), self.widths, strict=False):
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.GroupNorm(8, width), nn.SiLU()]
            if width >= 96:
                layers.append(Residual(width))
        layers.append(nn.Conv2d(self.widths[-1], kept, 1))
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * kept, FEATURES))
        self.heads = LabelHeads(FEATURES)

    def features(self, pictures: Tensor) -> Tensor:
        """Return the features that labels are read from, shape (pictures, 256)."""
        features: Tensor = nn.functional.silu(self.body(pictures))
        return features

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of each attribute in the order of `ATTRIBUTES`."""
        logits: tuple[Tensor, ...] = self.heads(self.features(pictures))
        return logits

    def save(self, folder: Path) -> None:
        """Write config.json and half-precision weights into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        config = {"widths": self.widths, "kept": self.kept, "attributes": ATTRIBUTES}
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        weights = {name: value.detach().half().contiguous() for name, value in self.state_dict().items()}
        save_file(weights, folder / "model.safetensors")


def squared(pictures: Tensor) -> Tensor:
    """Squash pictures (n, 3, height, width) of any aspect to the size that the classifier reads."""
    if pictures.shape[-2:] == (SIDE, SIDE):
        return pictures
    return nn.functional.interpolate(pictures, size=(SIDE, SIDE), mode="bilinear", antialias=True)


def load_classifier(folder: Path) -> LabelClassifier:
    """Return the classifier of a folder in single precision, ready to read."""
    config = json.loads((folder / "config.json").read_text())
    classifier = LabelClassifier(tuple(config["widths"]), config["kept"])
    classifier.load_state_dict(load_file(folder / "model.safetensors"))
    return classifier.float().eval()
