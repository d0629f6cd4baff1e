"""Kinds, ranks and sizes of an adapter's layers, by the shapes of its tensors; loads no torch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from sakuga.models.lora_keys import Part, parse_key

Shape = Sequence[int]
RANKED: tuple[Part, ...] = ("down", "hada_w1_b", "lokr_w1_b", "lokr_w2_b")
"""Tensors whose first axis is the rank."""

NEEDED: tuple[tuple[Part, ...], ...] = (
    ("down", "up"),
    ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"),
    ("lokr_w1", "lokr_w2"),
    ("lokr_w1", "lokr_w2_a", "lokr_w2_b"),
    ("lokr_w1_a", "lokr_w1_b", "lokr_w2"),
    ("lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b"),
    ("ia3", "on_input"),
    ("ia3_l",),
    ("diff",),
)
"""The tensors that each kind of change cannot do without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerShape:
    """What the shapes of a layer's tensors tell of its change."""

    kind: str
    rank: int
    """0 where the change has none."""
    channels: int
    """Input channels of the weight; 0 where they are not told."""
    is_whole: bool
    """Whether its tensors make up a change."""


def layer_shapes(shapes: Mapping[str, Shape]) -> dict[str, LayerShape]:
    """Read the layers of an adapter's file by its keys and shapes; unknown keys are left out."""
    layers: dict[str, dict[Part, Shape]] = {}
    for key, shape in shapes.items():
        if target := parse_key(key):
            layers.setdefault(target.layer, {})[target.part] = shape
    return {layer: _layer_shape(parts) for layer, parts in layers.items()}


def _layer_shape(parts: Mapping[Part, Shape]) -> LayerShape:
    rank = next((parts[part][0] for part in RANKED if parts.get(part)), 0)
    return LayerShape(kind=_kind(parts), rank=rank, channels=_channels(parts), is_whole=is_whole(parts))


def is_whole(parts: Collection[str]) -> bool:
    """Return whether a layer's tensors, by what they are, make up a change."""
    return any(set(needed) <= set(parts) for needed in NEEDED)


def _kind(parts: Mapping[Part, Shape]) -> str:
    if "dora_scale" in parts or "magnitude" in parts:
        return "DoRA"
    marks: dict[Part, str] = {"down": "LoRA", "hada_w1_a": "LoHa", "diff": "full difference", "ia3": "IA3", "ia3_l": "IA3"}
    return next((kind for part, kind in marks.items() if part in parts), "LoKr")


def _channels(parts: Mapping[Part, Shape]) -> int:
    """Return a linear layer's input channels."""
    for part in ("down", "diff", "hada_w1_b"):
        if len(shape := parts.get(part, ())) > 1:
            return int(shape[1])
    sides = [next((parts[part] for part in names if part in parts), ()) for names in (("lokr_w1", "lokr_w1_b"), ("lokr_w2", "lokr_w2_b"))]
    return prod(side[1] for side in sides) if all(len(side) > 1 for side in sides) else 0
