"""Assembly of one layer's change from its tensors in a file."""

import math
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sakuga.diffusion.low_rank import fold_middle, multiply_core
from sakuga.models.layer_changes import (
    DecomposedLayer,
    FullLayer,
    HadamardLayer,
    KroneckerLayer,
    LayerChange,
    LoraLayer,
    RescaledLayer,
)
from sakuga.models.lora_keys import BIAS

Parts = Mapping[str, Tensor]
"""A layer's tensors by what they are (`lora_keys.Part`)."""
SCALARS = ("alpha", "on_input")


def layer_change(layer: str, parts: Parts, config: Mapping[str, Any]) -> LayerChange:
    """Assemble a layer's change; `config` is that of peft, or of diffusers' metadata."""
    if "diff" in parts:
        return FullLayer(difference=parts["diff"])
    if "ia3" in parts:
        factor = parts["ia3"].flatten()
        return RescaledLayer(factor=factor[None] if parts["on_input"].item() else factor[:, None])
    if "ia3_l" in parts:
        return RescaledLayer(factor=parts["ia3_l"].flatten(1) - 1)
    change = _factored(layer, parts, config)
    if "magnitude" in parts:
        return DecomposedLayer(change=change, magnitude=parts["magnitude"].reshape(-1, 1))
    if "dora_scale" in parts:
        return DecomposedLayer(change=change, magnitude=parts["dora_scale"].flatten(1))
    return change


def bias_changes(parts: Mapping[str, Parts]) -> dict[str, LayerChange]:
    """Return the changes of biases that peft's IA3 implies, as it rescales outputs."""
    factors = {layer: part["ia3_l"] for layer, part in parts.items() if "ia3_l" in part}
    return {layer + BIAS: RescaledLayer(factor=factor.flatten() - 1) for layer, factor in factors.items() if factor.shape[0] > 1}


def _factored(layer: str, parts: Parts, config: Mapping[str, Any]) -> LoraLayer | HadamardLayer | KroneckerLayer:
    if "down" in parts:
        down = fold_middle(parts["down"], parts["mid"]) if "mid" in parts else parts["down"]
        return LoraLayer(down=down, up=parts["up"], scale=_scale(layer, parts, config, down.shape[0]))
    if "hada_w1_a" in parts:
        rank = parts["hada_w1_b"].shape[0]
        first, second = (_product(parts, f"hada_w{place}", f"hada_t{place}") for place in (1, 2))
        return HadamardLayer(first=first, second=second, rank=rank, scale=_scale(layer, parts, config, rank))
    left, right = _product(parts, "lokr_w1", "lokr_t1"), _product(parts, "lokr_w2", "lokr_t2")
    rank = next((parts[key].shape[0] for key in ("lokr_w1_b", "lokr_w2_b") if key in parts), 0)
    # Whole factors have no rank to divide alpha by: LyCORIS takes no scale then, peft its configured rank.
    divisor = rank or (0 if "alpha" in parts else int(_setting(layer, config, "r") or 0))
    scale = _scale(layer, parts, config, divisor) if divisor else 1.0
    return KroneckerLayer(left=left, right=right, rank=rank, scale=scale)


def _product(parts: Parts, name: str, core: str) -> Tensor:
    """Return a factor that is whole, a product, or a Tucker product."""
    if name in parts:
        return parts[name]
    first, second = parts[f"{name}_a"], parts[f"{name}_b"]
    if core in parts:
        return multiply_core(parts[core], first, second)
    return (first.flatten(1) @ second.flatten(1)).view(first.shape[0], *second.shape[1:])


def _scale(layer: str, parts: Parts, config: Mapping[str, Any], rank: int) -> float:
    """Return alpha / rank (or / its root), by the layer's own alpha, else the config's, else 1."""
    alpha = parts["alpha"].item() if "alpha" in parts else _configured_alpha(layer, config)
    divisor = math.sqrt(rank) if _setting(layer, config, "use_rslora") and "alpha" not in parts else rank
    return 1.0 if alpha is None else float(alpha) / divisor


def _configured_alpha(layer: str, config: Mapping[str, Any]) -> float | None:
    """Return a layer's alpha in peft's config.

    It is set for a name pattern, or for all layers.
    """
    patterns = _setting(layer, config, "alpha_pattern") or {}
    own = next((alpha for pattern, alpha in patterns.items() if re.match(rf"(.*\.)?({pattern})$", layer)), None)
    settings = (own, _setting(layer, config, "lora_alpha"), _setting(layer, config, "alpha"))
    alpha = next((value for value in settings if value is not None), None)
    return None if alpha is None else float(alpha)


def _setting(layer: str, config: Mapping[str, Any], key: str) -> Any:
    return config.get(f"{layer.split('.', 1)[0]}.{key}", config.get(key))
