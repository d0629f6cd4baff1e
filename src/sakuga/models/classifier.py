"""The label classifier: a small network for labels and features."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from sakuga.models.image_tensors import Images, to_tensor
from sakuga.models.saving import save_file
from sakuga.sketchbook.label_codes import ATTRIBUTES, Codes

FEATURES = 256
SIDE = 128
"""Side of the square input in pixels."""
BATCH = 64


class LabelHeads(nn.Module):
    """One linear head per attribute, as one matrix."""

    def __init__(self, width: int, attributes: Mapping[str, tuple[str, ...]] = ATTRIBUTES) -> None:
        super().__init__()
        self.sizes = [len(values) for values in attributes.values()]
        self.linear = nn.Linear(width, sum(self.sizes))

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of each attribute, (images, values)."""
        logits: Tensor = self.linear(features)
        return tuple(torch.split(logits, self.sizes, dim=-1))

    def loss(self, features: Tensor, codes: Tensor) -> Tensor:
        """Return the mean cross-entropy over all known codes.

        `codes` is (images, attributes), negative where unknown.
        """
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
    """A convolutional network for labels and features.

    Input is (images, 3, 128, 128) in [-1, 1]. The features keep a 4x4 grid of a few channels up to the last layer, because a side is a
    place in the image.
    """

    def __init__(
        self,
        widths: tuple[int, ...] = (24, 48, 96, 96, 96),
        channels: int = 32,
        attributes: Mapping[str, tuple[str, ...]] = ATTRIBUTES,
    ) -> None:
        super().__init__()
        self.widths, self.channels, self.attributes = tuple(widths), channels, attributes
        layers: list[nn.Module] = []
        for before, width in zip((3, *self.widths), self.widths, strict=False):
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.GroupNorm(8, width), nn.SiLU()]
            if width >= 96:
                layers.append(Residual(width))
        layers.append(nn.Conv2d(self.widths[-1], channels, 1))
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * channels, FEATURES))
        self.heads = LabelHeads(FEATURES, attributes)

    def features(self, images: Tensor) -> Tensor:
        """Return the features before the label heads, (images, 256)."""
        features: Tensor = nn.functional.silu(self.body(images))
        return features

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of each of its attributes."""
        logits: tuple[Tensor, ...] = self.heads(self.features(images))
        return logits

    def save(self, folder: Path) -> None:
        """Write config.json and half-precision weights into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        config = {"widths": self.widths, "kept": self.channels, "attributes": self.attributes}
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        weights = {name: value.detach().half().contiguous() for name, value in self.state_dict().items()}
        save_file(weights, folder / "model.safetensors")


def resize_square(images: Tensor) -> Tensor:
    """Resize images to the classifier's input size.

    They are (n, 3, height, width), of any aspect ratio.
    """
    if images.shape[-2:] == (SIDE, SIDE):
        return images
    return nn.functional.interpolate(images, size=(SIDE, SIDE), mode="bilinear", antialias=True)


@torch.inference_mode()
def classify(classifier: LabelClassifier, images: Images) -> tuple[Codes, NDArray[np.float64]]:
    """Classify images of one size: codes (n, len(ATTRIBUTES)) and features (n, 256).

    Codes of attributes that the classifier does not know are -1.
    """
    columns = [list(classifier.attributes).index(name) if name in classifier.attributes else -1 for name in ATTRIBUTES]
    codes, features = [], []
    for first in range(0, len(images), BATCH):
        hidden = classifier.features(resize_square(to_tensor(images[first : first + BATCH], torch.device("cpu"))))
        found = [logits.argmax(dim=-1) for logits in classifier.heads(hidden)]
        found.append(torch.full_like(found[0], -1))
        codes.append(torch.stack([found[column] for column in columns], dim=1).numpy())
        features.append(hidden.double().numpy())
    return np.concatenate(codes), np.concatenate(features)


def load_classifier(folder: Path) -> LabelClassifier:
    """Load the classifier of a folder in float32 and eval mode."""
    config = json.loads((folder / "config.json").read_text())
    attributes = {name: tuple(values) for name, values in config["attributes"].items()}
    classifier = LabelClassifier(tuple(config["widths"]), config["kept"], attributes)
    classifier.load_state_dict(load_file(folder / "model.safetensors"))
    return classifier.float().eval()


def with_all_attributes(classifier: LabelClassifier) -> LabelClassifier:
    """Return a classifier for all of `ATTRIBUTES`, whose new heads are untrained."""
    extended = LabelClassifier(classifier.widths, classifier.channels)
    extended.body.load_state_dict(classifier.body.state_dict())
    rows = _head_rows(extended)
    with torch.no_grad():
        for name, (weight, bias) in _head_rows(classifier).items():
            rows[name][0].copy_(weight)
            rows[name][1].copy_(bias)
    return extended


def _head_rows(classifier: LabelClassifier) -> dict[str, tuple[Tensor, Tensor]]:
    """Return weight and bias of each attribute's head, as views."""
    linear, sizes = classifier.heads.linear, classifier.heads.sizes
    return dict(
        zip(classifier.attributes, zip(torch.split(linear.weight, sizes), torch.split(linear.bias, sizes), strict=True), strict=True)
    )
