"""A model of which image a person takes next.

A conditional logit (McFadden 1974) over the images shown side by side. It begins with equal chances, and each choice is one step of
gradient ascent on its log-likelihood. Features are standardised among the images shown, so weights have no unit.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sakuga.files import write_text

Vector: TypeAlias = NDArray[np.float32]
"""A CLIP embedding of length 1."""
FEATURES = ("style", "change", "taste")
RATE, DECAY = 0.25, 0.005
"""Step size, and the share of a weight that each choice takes away."""
MEMORY = 0.9
"""How much of the taste stays after a choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Images shown side by side, as CLIP sees them."""

    images: tuple[Vector, ...]
    parent: Vector
    """The image that they follow."""
    style: Vector | None = None
    """The direction from the bad texts to the good ones; None without texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """What a person took before."""

    weights: tuple[float, ...] = (0.0,) * len(FEATURES)
    """Of `FEATURES`: the score of the style's texts, the change from the image before, the likeness to what was taken before."""
    taste: tuple[float, ...] = ()
    """The mean direction from the images shown to the one taken, the last ones counting most."""
    choices: int = 0

    def probabilities(self, shown: Shown) -> NDArray[np.float64]:
        """Return the chance of each image; they add up to 1."""
        scores = self._features(shown) @ np.array(self.weights)
        odds = np.exp(scores - scores.max())
        return np.asarray(odds / odds.sum(), dtype=np.float64)

    def after(self, shown: Shown, taken: int) -> "Preference":
        """Return the preference after one more choice."""
        features = self._features(shown)
        gradient = features[taken] - self.probabilities(shown) @ features
        weights = (1 - DECAY) * np.array(self.weights) + RATE * gradient
        direction = shown.images[taken] - np.mean(shown.images, axis=0)
        taste = MEMORY * np.array(self.taste) + (1 - MEMORY) * direction if self.taste else direction
        return replace(self, weights=tuple(map(float, weights)), taste=tuple(map(float, taste)), choices=self.choices + 1)

    def _features(self, shown: Shown) -> NDArray[np.float64]:
        """Return one row for each image."""
        images = np.stack(shown.images).astype(np.float64)
        nothing = np.zeros(len(images))
        style = nothing if shown.style is None else images @ shown.style
        taste = images @ np.array(self.taste) if len(self.taste) == images.shape[1] else nothing
        return np.stack([_standardised(values) for values in (style, 1 - images @ shown.parent, taste)], axis=1)


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = values.std()
    return np.asarray((values - values.mean()) / spread if spread > 1e-9 else np.zeros_like(values))


def read_preference(path: Path) -> Preference:
    """Read a preference; a missing or damaged file is none."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        values = json.loads(path.read_text())
        weights, taste = _floats(values["weights"]), _floats(values["taste"])
        if len(weights) == len(FEATURES):
            return Preference(weights=weights, taste=taste, choices=int(values["choices"]))
    return Preference()


def write_preference(path: Path, preference: Preference) -> None:
    """Write a preference."""
    write_text(path, json.dumps(asdict(preference)))


def _floats(values: Sequence[float]) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if not np.isfinite(numbers).all():
        raise ValueError("not a number")
    return numbers


def shown_of(names: Sequence[str], parent: str, embeddings: Mapping[str, Vector], style: Vector | None) -> Shown | None:
    """Return images shown side by side; None while one is not embedded."""
    if not names or not all(name in embeddings for name in (*names, parent)):
        return None
    return Shown(images=tuple(embeddings[name] for name in names), parent=embeddings[parent], style=style)
